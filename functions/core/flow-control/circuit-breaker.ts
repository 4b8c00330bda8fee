import type { CircuitState } from './circuit-state.ts'
import { type FailedCall, failedCallsOf, toFailures } from './failed-calls.ts'
import type { Circuit } from './policies.ts'
import type { Findings } from './port.ts'

/** The users of the calls in a report. */
export interface Callers {
  /** The marks (`markOf`) of the users. */
  readonly users: readonly number[]
  /**
   * Whether each request of the calls had been tried before. If so, these requests may be the cause of a failure, and
   * not the model.
   */
  readonly repeated: boolean
}

const NOBODY_KNOWN: Callers = { users: [], repeated: false }

/**
 * The longest time that a circuit stays open before the next probe, so that a model that works again is called soon.
 * Milliseconds.
 */
export const LONGEST_OPEN_MS = 15 * 60_000
/** The largest multiple of `open_ms` for which a circuit stays open. */
const MAX_OPEN_MULTIPLIER = 8
/** The most users for whom a circuit opens. If calls of more users have failed, the circuit opens for all users. */
const MAX_OPEN_FOR = 8

/**
 * Adds failed calls. An open circuit ignores failed calls of users for whom it is open, because these calls had begun
 * before it opened. Otherwise the last calls of one user would open the circuit for all users.
 */
export function addFailures(
  state: CircuitState,
  count: number,
  now: number,
  policy: Circuit,
  { users, repeated }: Callers = NOBODY_KNOWN,
): CircuitState {
  if (state.open) return isOpenFor(state, users) ? state : opened(state.open.times, now, policy, [])
  const recent = failedCallsOf(state).filter(({ at }) => at > now - policy.within_ms)
  const by = users.length === 1 ? users[0] : undefined
  const failed = [...recent, ...Array.from({ length: count }, (): FailedCall => ({ at: now, by, repeated }))]
  return failed.length < policy.failures ? toFailures(failed) : opened(1, now, policy, failed)
}

/**
 * Applies a success. The success shows that the failures of other users are caused by their own requests, and not by
 * the model. It shows the same for repeated failures of the same user. So all these failures are removed, and do not
 * help to open the circuit.
 */
export function addSuccess(state: CircuitState, users: readonly number[]): CircuitState {
  if (state.open) return isOpenFor(state, users) ? state : { failures: [] }
  const failed = failedCallsOf(state)
  const counted = failed.filter(({ by, repeated }) => by === undefined || (isOnly(by, users) && !repeated))
  return users.length === 0 || counted.length === failed.length ? state : toFailures(counted)
}

const isOnly = (user: number, users: readonly number[]): boolean => users.every(one => one === user)

/**
 * Returns whether an open circuit stops a call of these users. If a call also has requests of another user, it is not
 * stopped, because one user's failures must not delay the requests of others.
 */
export const isOpenFor = ({ open_for }: CircuitState, users: readonly number[]): boolean =>
  open_for === undefined || (users.length > 0 && users.every(user => open_for.includes(user)))

/**
 * Ends the probe. If its call says nothing about the model, the circuit stays as it is, and another probe may be made.
 */
export function endProbe(state: CircuitState, findings: Findings, now: number, policy: Circuit): CircuitState {
  const { probe: _, ...rest } = state
  if (findings === 'healthy') return { failures: [] }
  if (typeof findings === 'string' || !('failures' in findings)) return rest
  return { ...opened((state.open?.times ?? 0) + 1, now, policy, []), open_for: state.open_for }
}

/**
 * Opens the circuit for the users of the failed calls. If one of these calls had requests of several users, or if there
 * are too many users, the circuit opens for all users.
 */
function opened(times: number, now: number, policy: Circuit, failed: readonly FailedCall[]): CircuitState {
  const users = [...new Set(failed.map(({ by }) => by))].filter(by => by !== undefined)
  const isForAll = users.length === 0 || users.length > MAX_OPEN_FOR || failed.some(({ by }) => by === undefined)
  return {
    failures: [],
    open: { until: now + openFor(policy, times), times },
    ...(isForAll ? {} : { open_for: users }),
  }
}

/**
 * Returns how long the circuit stays open when it opens for the nth time in a row, in milliseconds. This time grows by
 * one `open_ms` with each opening, up to eight times `open_ms`. If it doubled instead, a model would get no calls for
 * too long after a short outage, and a long outage would have hardly fewer probes. The limit is 15 minutes, or
 * `open_ms` if that is longer.
 */
export function openFor({ open_ms }: Pick<Circuit, 'open_ms'>, times: number): number {
  return Math.min(open_ms * Math.min(times, MAX_OPEN_MULTIPLIER), Math.max(open_ms, LONGEST_OPEN_MS))
}

/**
 * Returns the time at which a call asks again if it waits for the end of a probe, or of another running call. The wait
 * is as long as the other call has taken so far, but at least one second and at most `open_ms`. So a call asks only a
 * few times while the other one runs. Each time may cost a deferral of its message.
 */
export function askAgainAt(probedSince: number, now: number, { open_ms }: Pick<Circuit, 'open_ms'>): number {
  return now + Math.min(Math.max(now - probedSince, 1_000), open_ms)
}
