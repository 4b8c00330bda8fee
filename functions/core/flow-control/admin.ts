import { dropAbandoned } from './backlog.ts'
import type { CircuitState } from './circuit-state.ts'
import type { Circuit, Policies } from './policies.ts'
import { usageOf } from './rate-limit.ts'
import type { ModelState } from './state.ts'

/** What defers the calls of a model. Times are epoch milliseconds. */
export interface FlowControlView {
  readonly circuit: CircuitView
  readonly paused_until?: number | undefined
  /**
   * `next` is when another call could be made: now, or after all slots that were given. `backlog` is about when the last
   * request in the backlog may have its slot; only requests of normal priority wait there.
   */
  readonly rate_limit?:
    | { readonly used: number; readonly next: number; readonly backlog?: number | undefined }
    | undefined
}

export interface CircuitView {
  /** `half_open`: its time is over, and one call at a time finds out whether the model is back. `off`: the model has no circuit. */
  readonly state: 'closed' | 'open' | 'half_open' | 'off'
  readonly until?: number | undefined
  /** Recent failed calls. None while the circuit is open: they have opened it. */
  readonly failures: number
  /** How often in a row the circuit has opened, if it is not closed. */
  readonly opened_times?: number | undefined
}

/** Describes a state at a time, by the policies that are in effect. */
export function viewOf(state: ModelState, now: number, { circuit, rate_limit }: Policies): FlowControlView {
  const { paused_until = 0, calls, backlog } = state
  return {
    circuit: circuit ? circuitView(state, now, circuit) : { state: 'off', failures: 0 },
    ...(paused_until > now ? { paused_until } : {}),
    ...(rate_limit
      ? { rate_limit: { ...usageOf(calls, now, rate_limit), backlog: dropAbandoned(backlog, now, rate_limit)?.slot } }
      : {}),
  }
}

function circuitView({ open, failures }: CircuitState, now: number, { within_ms }: Circuit): CircuitView {
  if (!open) return { state: 'closed', failures: failures.filter(at => at > now - within_ms).length }
  const common = { failures: 0, opened_times: open.times }
  return open.until > now ? { state: 'open', until: open.until, ...common } : { state: 'half_open', ...common }
}

/** Whether earlier calls have changed the state such that it defers calls, or will do so sooner. */
export const hasLearned = ({ open, failures, paused_until = 0 }: ModelState, now: number): boolean =>
  open !== undefined || failures.length > 0 || paused_until > now

/** Removes from a state what failures and pauses have left in it. The rate limit stays. */
export const withoutFailures = ({ open: _, probe: __, paused_until: ___, ...rest }: ModelState): ModelState => ({
  ...rest,
  failures: [],
})
