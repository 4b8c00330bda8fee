import type { Circuit, Policies } from './policies.ts'
import type { Findings, Report } from './port.ts'
import type { ModelState } from './state.ts'

/** What is known of a model's recent failures. The circuit is closed without `open`, and half open once `open.until` is over. */
export interface CircuitState {
  /** When calls failed, epoch milliseconds: always fewer of them than open the circuit. */
  readonly failures: readonly number[]
  /** No call may be made before `until`. `times`: how often in a row the circuit has opened, counting each failed probe. */
  readonly open?: { readonly until: number; readonly times: number } | undefined
  /** The one call that finds out whether the model is back. It is forgotten at `until`, when its worker must be gone. */
  readonly probe?: { readonly id: string; readonly since: number; readonly until: number } | undefined
}

/** A circuit stays open at most this long at a time, so that a model that is back is called soon. Milliseconds. */
export const LONGEST_OPEN_MS = 15 * 60_000
/** The circuit stays open at most this many times as long as `open_ms`. */
const MAX_OPEN_MULTIPLIER = 8

/** Applies a report to a state. Answers with the same object if the report tells nothing new. */
export function applyReport(before: ModelState, report: Report, now: number, { circuit }: Policies): ModelState {
  const paused = Math.max(before.paused_until ?? 0, report.pause_until ?? 0)
  const state = paused > (before.paused_until ?? 0) ? { ...before, paused_until: paused } : before
  const next = circuit ? circuitAfter(state, report, now, circuit) : state
  return next === state ? state : { ...state, failures: [...next.failures], open: next.open, probe: next.probe }
}

function circuitAfter(state: ModelState, { probe, findings }: Report, now: number, circuit: Circuit): CircuitState {
  if (probe !== undefined && state.probe?.id === probe) return endProbe(state, findings, now, circuit)
  return typeof findings === 'object' ? addFailures(state, findings.failures, now, circuit) : state
}

/** Adds failed calls. An open circuit ignores them: those calls were under way when it opened, and tell nothing new. */
export function addFailures(state: CircuitState, count: number, now: number, policy: Circuit): CircuitState {
  if (state.open) return state
  const recent = state.failures.filter(at => at > now - policy.within_ms)
  const failures = [...recent, ...Array.from({ length: count }, () => now)]
  return failures.length < policy.failures ? { failures } : opened(1, now, policy)
}

/** Ends the probe. If it told nothing, another probe may be made. */
export function endProbe(state: CircuitState, findings: Findings, now: number, policy: Circuit): CircuitState {
  if (findings === 'nothing') return { failures: state.failures, open: state.open }
  return findings === 'healthy' ? { failures: [] } : opened((state.open?.times ?? 0) + 1, now, policy)
}

const opened = (times: number, now: number, policy: Circuit): CircuitState => ({
  failures: [],
  open: { until: now + openFor(policy, times), times },
})

/**
 * The circuit stays open for one `open_ms` longer each time. Doubling would leave a model alone for too long after a short
 * outage, and would save hardly any probes in a long one. The limit is a quarter of an hour, or `open_ms` if that is longer.
 */
function openFor({ open_ms }: Circuit, times: number): number {
  return Math.min(open_ms * Math.min(times, MAX_OPEN_MULTIPLIER), Math.max(open_ms, LONGEST_OPEN_MS))
}

/** When a call that meets another call's probe should ask again: after as long as the probe has taken so far. */
export function askAgainAt(probedSince: number, now: number, { open_ms }: Circuit): number {
  return now + Math.min(Math.max(now - probedSince, 1_000), open_ms)
}
