import { standing } from './backlog.ts'
import type { CircuitState } from './circuit-breaker.ts'
import type { Circuit, Policies } from './policies.ts'
import { usageOf } from './rate-limit.ts'
import type { GuardState } from './state.ts'

/** What holds up the calls of a model. Times are epoch milliseconds. */
export interface GuardView {
  readonly circuit: CircuitView
  readonly paused_until?: number | undefined
  /**
   * `next` is when another call could be made: now, or once all are over whose turns are given. `line` is about when the last
   * of those may have a turn who wait in line for one, as requests of normal priority do.
   */
  readonly rate_limit?: { readonly used: number; readonly next: number; readonly line?: number | undefined } | undefined
}

export interface CircuitView {
  /** `half_open`: its time is over, and one call at a time finds out whether the model is back. `off`: there is none. */
  readonly state: 'closed' | 'open' | 'half_open' | 'off'
  readonly until?: number | undefined
  /** Calls that have failed of late; none while it is not closed, since they have opened it. */
  readonly failures: number
  /** How often in a row, if it is not closed. */
  readonly opened_times?: number | undefined
}

/** What a state says at a time, by the policies that are in effect. */
export function viewOf(state: GuardState, now: number, { circuit, rate_limit }: Policies): GuardView {
  const { paused_until = 0, calls, line } = state
  return {
    circuit: circuit ? circuitView(state, now, circuit) : { state: 'off', failures: 0 },
    ...(paused_until > now ? { paused_until } : {}),
    ...(rate_limit
      ? { rate_limit: { ...usageOf(calls, now, rate_limit), line: standing(line, now, rate_limit)?.turn } }
      : {}),
  }
}

function circuitView({ open, failures }: CircuitState, now: number, { within_ms }: Circuit): CircuitView {
  if (!open) return { state: 'closed', failures: failures.filter(at => at > now - within_ms).length }
  const common = { failures: 0, opened_times: open.times }
  return open.until > now ? { state: 'open', until: open.until, ...common } : { state: 'half_open', ...common }
}

/** Whether calls are held up by what has become of earlier ones, or would be sooner for it. */
export const hasLearned = ({ open, failures, paused_until = 0 }: GuardState, now: number): boolean =>
  open !== undefined || failures.length > 0 || paused_until > now

/** The state without anything that was learned from failures: only the rate limit stays. */
export const withoutFailures = ({ open: _, probe: __, paused_until: ___, ...rest }: GuardState): GuardState => ({
  ...rest,
  failures: [],
})
