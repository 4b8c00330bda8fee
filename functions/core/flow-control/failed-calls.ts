import type { CircuitState } from './circuit-state.ts'

/** A failed call that counts for the circuit. */
export interface FailedCall {
  /** Epoch milliseconds. */
  readonly at: number
  /** The mark of the user of all its requests; undefined if they were of several users. */
  readonly by: number | undefined
  /** Whether all its requests had been tried before. */
  readonly repeated: boolean
}

type Failures = Pick<CircuitState, 'failures' | 'failed_by'>

export const failedCallsOf = ({ failures, failed_by = [] }: Failures): FailedCall[] =>
  failures.map((at, i) => {
    const code = failed_by[i] ?? 0
    return { at, by: code === 0 ? undefined : Math.floor(code / 2), repeated: code % 2 === 1 }
  })

/** Returns the fields of a state for failed calls. `failed_by` is absent if no call was of a single user. */
export function toFailures(calls: readonly FailedCall[]): Failures {
  const codes = calls.map(({ by, repeated }) => (by === undefined ? 0 : 2 * by + (repeated ? 1 : 0)))
  return { failures: calls.map(({ at }) => at), ...(codes.some(code => code > 0) ? { failed_by: codes } : {}) }
}

/**
 * Returns the list that an item has in `failures`: first the users for whom the circuit is open, then the time of each
 * failed call, each followed by its user. Users are negative numbers. 0.1.0 reads these as times long ago and drops
 * them, so it can read every item.
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
