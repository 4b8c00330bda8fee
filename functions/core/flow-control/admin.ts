import { dropAbandoned } from './backlog.ts'
import type { CircuitState } from './circuit-state.ts'
import type { Circuit, Policies } from './policies.ts'
import { usageOf } from './rate-limit.ts'
import type { Halt, ModelState } from './state.ts'

/** The reasons why calls to a model are deferred. Times are epoch milliseconds. */
export interface FlowControlView {
  /**
   * The reason of the halt, if the model is halted, i.e. if its calls gave an error that a retry can't fix. Calls then
   * wait until a probe (one call that tests the model) succeeds, or until an operator resets the model.
   */
  readonly halted?: Halt | undefined
  readonly circuit: CircuitView
  readonly paused_until?: number | undefined
  /** In a pause of over 15 minutes: the time of the next probe, which is made before the pause ends. */
  readonly tried_at?: number | undefined
  /**
   * `used` is the number of calls in the last interval of the rate limit. `next` is the time at which another call
   * could be made: now, or after all slots that were granted. `backlog` is the approximate time of the slot of the last
   * request in the backlog. The backlog is the requests that wait for a slot. Only requests of normal priority wait in
   * it.
   */
  readonly rate_limit?:
    | { readonly used: number; readonly next: number; readonly backlog?: number | undefined }
    | undefined
}

export interface CircuitView {
  /**
   * `half_open`: the wait of the open circuit is over, and one probe at a time tests whether the model works again.
   * `off`: the model has no circuit.
   */
  readonly state: 'closed' | 'open' | 'half_open' | 'off'
  readonly until?: number | undefined
  /**
   * The number of recent failed calls. The number is 0 while the circuit is open, because the failed calls are removed
   * when they open the circuit.
   */
  readonly failures: number
  /** The number of times that the circuit has opened in a row, if it is not closed. */
  readonly opened_times?: number | undefined
  /**
   * The number of users for whom the circuit is open, as long as only their calls have failed. Absent if the circuit is
   * open for all users.
   */
  readonly open_for_users?: number | undefined
}

/** Describes the state of a model at the time `now`, for operators. */
export function viewOf(state: ModelState, now: number, { circuit, rate_limit }: Policies): FlowControlView {
  const { paused_until = 0, tried_until = 0, calls, backlog, halted } = state
  const pausedUntil = Math.max(paused_until, tried_until)
  return {
    ...(halted ? { halted } : {}),
    circuit: circuit ? circuitView(state, now, circuit) : { state: 'off', failures: 0 },
    ...(pausedUntil > now ? { paused_until: pausedUntil } : {}),
    ...(tried_until > now ? { tried_at: Math.max(paused_until, now) } : {}),
    ...(rate_limit
      ? { rate_limit: { ...usageOf(calls, now, rate_limit), backlog: dropAbandoned(backlog, now, rate_limit)?.slot } }
      : {}),
  }
}

function circuitView({ open, open_for, failures }: CircuitState, now: number, { within_ms }: Circuit): CircuitView {
  if (!open) return { state: 'closed', failures: failures.filter(at => at > now - within_ms).length }
  const common = { failures: 0, opened_times: open.times, ...(open_for ? { open_for_users: open_for.length } : {}) }
  return open.until > now ? { state: 'open', until: open.until, ...common } : { state: 'half_open', ...common }
}

/**
 * Returns whether earlier calls have left failures, a 403, a halt or a pause in the state. If so, calls are deferred
 * now, or fewer further failures than usual suffice to defer them.
 */
export const hasLearned = (state: ModelState, now: number): boolean => {
  const { open, failures, paused_until = 0, tried_until = 0, halted, refused_by } = state
  const isHeld = open !== undefined || halted !== undefined || refused_by !== undefined
  return isHeld || failures.length > 0 || Math.max(paused_until, tried_until) > now
}

/**
 * Removes the running calls from a state: the one call per priority, and the probe. Use it only if no worker runs, for
 * example at the start of the local system. Otherwise a second call to a model could begin while the first one still
 * runs.
 */
export const withoutCalls = (state: ModelState): ModelState => {
  const { leases, probe, ...rest } = state
  return leases || probe ? rest : state
}

/**
 * Removes all traces of failures, halts and pauses from a state, so that they defer no more calls (`models reset`). The
 * rate limit and the running calls stay.
 */
export const withoutFailures = ({ version, writer, calls, backlog, leases }: ModelState): ModelState => ({
  version,
  writer,
  failures: [],
  calls,
  ...(backlog && { backlog }),
  ...(leases && { leases }),
})
