import { dropAbandoned } from './backlog.ts'
import type { CircuitState } from './circuit-state.ts'
import type { Circuit, Policies } from './policies.ts'
import { usageOf } from './rate-limit.ts'
import type { Halt, ModelState } from './state.ts'

/** The reasons why calls of a model are deferred. Times are epoch milliseconds. */
export interface FlowControlView {
  /** Why the model is halted. Its calls wait until a probe succeeds, or until an operator resets it. */
  readonly halted?: Halt | undefined
  readonly circuit: CircuitView
  readonly paused_until?: number | undefined
  /** The time of the next probe in a long pause, before the pause ends. */
  readonly tried_at?: number | undefined
  /**
   * `next` is the time at which another call could be made: now, or after all slots that were given. `backlog` is the
   * approximate time of the slot of the last request in the backlog. Only requests of normal priority wait there.
   */
  readonly rate_limit?:
    | { readonly used: number; readonly next: number; readonly backlog?: number | undefined }
    | undefined
}

export interface CircuitView {
  /**
   * `half_open`: the wait of the open circuit is over, and one probe at a time tests whether the model is back. `off`:
   * the model has no circuit.
   */
  readonly state: 'closed' | 'open' | 'half_open' | 'off'
  readonly until?: number | undefined
  /**
   * The number of recent failed calls. It is 0 while the circuit is open, because the calls that opened it no longer
   * count.
   */
  readonly failures: number
  /** How often in a row the circuit has opened, if it is not closed. */
  readonly opened_times?: number | undefined
  /** For how many users the circuit is open, as long as only their calls have failed. Absent if it is open for all. */
  readonly open_for_users?: number | undefined
}

/** Describes a state at a time, according to the policies of the model. */
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
 * Returns whether earlier calls have changed the state so that it defers calls now, or after fewer further failures.
 */
export const hasLearned = (state: ModelState, now: number): boolean => {
  const { open, failures, paused_until = 0, tried_until = 0, halted, refused_by } = state
  const isHeld = open !== undefined || halted !== undefined || refused_by !== undefined
  return isHeld || failures.length > 0 || Math.max(paused_until, tried_until) > now
}

/**
 * Removes the running calls from a state: the one call per priority, and the probe. The caller must know that no worker
 * is left.
 */
export const withoutCalls = (state: ModelState): ModelState => {
  const { leases, probe, ...rest } = state
  return leases || probe ? rest : state
}

/** Removes all traces of failures, halts and pauses from a state. The rate limit and the running calls stay. */
export const withoutFailures = ({ version, writer, calls, backlog, leases }: ModelState): ModelState => ({
  version,
  writer,
  failures: [],
  calls,
  ...(backlog && { backlog }),
  ...(leases && { leases }),
})
