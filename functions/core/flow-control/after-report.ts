import { afterFailures, afterProbe, type CircuitState } from './circuit-breaker.ts'
import type { Policies } from './policies.ts'
import type { Report } from './port.ts'
import type { GuardState } from './state.ts'

/** The state after a report; the same object if it tells nothing new. */
export function afterReport(before: GuardState, report: Report, now: number, { circuit }: Policies): GuardState {
  const paused = Math.max(before.paused_until ?? 0, report.pause_until ?? 0)
  const state = paused > (before.paused_until ?? 0) ? { ...before, paused_until: paused } : before
  const next = circuit ? circuitAfter(state, report, now, circuit) : state
  return next === state ? state : { ...state, failures: [...next.failures], open: next.open, probe: next.probe }
}

function circuitAfter(
  state: GuardState,
  { probe, findings }: Report,
  now: number,
  circuit: NonNullable<Policies['circuit']>,
): CircuitState {
  if (probe !== undefined && state.probe?.id === probe) return afterProbe(state, findings, now, circuit)
  return typeof findings === 'object' ? afterFailures(state, findings.failures, now, circuit) : state
}
