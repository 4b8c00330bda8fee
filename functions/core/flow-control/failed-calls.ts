import type { CircuitState } from './circuit-state.ts'

/** A failed call that counts for the circuit. */
export interface FailedCall {
  /** Epoch milliseconds. */
  readonly at: number
  /**
   * The mark (`markOf`) of the user whose requests the call had. Undefined if the call had requests of several users.
   */
  readonly by: number | undefined
  /** Whether each request of the call had been tried before. If so, these requests may be the cause of the failure. */
  readonly repeated: boolean
}

type Failures = Pick<CircuitState, 'failures' | 'failed_by'>

export const failedCallsOf = ({ failures, failed_by = [] }: Failures): FailedCall[] =>
  failures.map((at, i) => {
    const code = failed_by[i] ?? 0
    return { at, by: code === 0 ? undefined : Math.floor(code / 2), repeated: code % 2 === 1 }
  })

/**
 * Returns the state's fields about failed calls. Each number in `failed_by` is about one call. It is 0 if the call had
 * requests of several users. Otherwise, it is twice the user's mark (a positive number made from the user's id), plus 1
 * if the requests of the call had all been tried before. `failed_by` is absent if each call had requests of several users.
 */
export function toFailures(calls: readonly FailedCall[]): Failures {
  const codes = calls.map(({ by, repeated }) => (by === undefined ? 0 : 2 * by + (repeated ? 1 : 0)))
  return { failures: calls.map(({ at }) => at), ...(codes.some(code => code > 0) ? { failed_by: codes } : {}) }
}

/**
 * Returns the list that an item has in `failures`. It begins with the users for whom the circuit is open. The time of
 * each failed call comes after them. Each time is followed by the user of the call, if the call had only one. Users are
 * negative numbers. Version 0.1.0 takes a negative number for a time long ago and drops it. So version 0.1.0 can read
 * every item, and a deployment can be rolled back.
 */
export const toStoredFailures = ({ failures, failed_by = [], open_for = [] }: CircuitState): number[] => [
  ...open_for.map(mark => -mark),
  ...failures.flatMap((at, i) => [at, ...(failed_by[i] ? [-failed_by[i]] : [])]),
]

export function fromStoredFailures(stored: readonly number[]): Failures & Pick<CircuitState, 'open_for'> {
  const firstTime = stored.findIndex(number => number > 0)
  const [users, rest] = firstTime < 0 ? [stored, []] : [stored.slice(0, firstTime), stored.slice(firstTime)]
  const codes = rest.flatMap((number, i) => (number > 0 ? [Math.max(0, -(rest[i + 1] ?? 0))] : []))
  return {
    failures: rest.filter(number => number > 0),
    ...(codes.some(code => code > 0) ? { failed_by: codes } : {}),
    ...(users.length > 0 ? { open_for: users.map(mark => -mark) } : {}),
  }
}
