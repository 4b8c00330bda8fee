import type { Circuit } from './policies.ts'
import type { Findings } from './port.ts'

/** What is known of a model's recent failures. Closed unless `open` is there; half open once its time is over. */
export interface CircuitState {
  /** When calls have failed, epoch milliseconds; no more of them than it takes to open. */
  readonly failures: readonly number[]
  /** No call until then. `times`: how often in a row, a failed probe counted. */
  readonly open?: { readonly until: number; readonly times: number } | undefined
  /** The one call that finds out whether the model is back; forgotten at `until`, when its worker must be gone. */
  readonly probe?: { readonly id: string; readonly since: number; readonly until: number } | undefined
}

/** The longest that a circuit stays open at a time: a model that is back is not left alone for longer. Milliseconds. */
export const LONGEST_OPEN_MS = 15 * 60_000
/** How many times its `open` it stays open in the end. */
const MOST = 8

/**
 * Each time by another `open` longer: after a short outage a model is not left alone for about as long again, as it would be
 * with doubling, and in a long one there are hardly more probes. Never more than a quarter of an hour, unless `open` is.
 */
function openFor({ open_ms }: Circuit, times: number): number {
  return Math.min(open_ms * Math.min(times, MOST), Math.max(open_ms, LONGEST_OPEN_MS))
}

/** After so many calls have failed. Calls that were under way when it opened tell nothing new. */
export function afterFailures(state: CircuitState, count: number, now: number, policy: Circuit): CircuitState {
  if (state.open) return state
  const recent = state.failures.filter(at => at > now - policy.within_ms)
  const failures = [...recent, ...Array.from({ length: count }, () => now)]
  return failures.length < policy.failures ? { failures } : opened(1, now, policy)
}

const opened = (times: number, now: number, policy: Circuit): CircuitState => ({
  failures: [],
  open: { until: now + openFor(policy, times), times },
})

/** After the probe; when that has told nothing, another may be made. */
export function afterProbe(state: CircuitState, findings: Findings, now: number, policy: Circuit): CircuitState {
  if (findings === 'nothing') return { failures: state.failures, open: state.open }
  return findings === 'well' ? { failures: [] } : opened((state.open?.times ?? 0) + 1, now, policy)
}

/** When a call that comes while the circuit is half open and probed should look again: each wait as long as the probe has taken. */
export function afterProbing(since: number, now: number, { open_ms }: Circuit): number {
  return now + Math.min(Math.max(now - since, 1_000), open_ms)
}
