/**
 * What is known of a model's recent failures. The circuit is closed without `open`, and half open once `open.until` is over.
 *
 * The circuit sees the model, and not one user's requests (docs/adr/0032). It opens first for the users whose calls have failed.
 * The next failure of any other user opens it for all; the next success of any other user closes it.
 */
export interface CircuitState {
  /** When calls failed, epoch milliseconds: always fewer of them than open the circuit. */
  readonly failures: readonly number[]
  /** Who made each of these calls: see `failedCallsOf`. */
  readonly failed_by?: readonly number[] | undefined
  /** No call may be made before `until`. `times`: how often in a row the circuit has opened, counting each failed probe. */
  readonly open?: { readonly until: number; readonly times: number } | undefined
  /** The marks of the users for whom the circuit is open. Absent if it is open for all. */
  readonly open_for?: readonly number[] | undefined
  /** The one call that finds out whether the model is back. It is forgotten at `until`, when its worker must be gone. */
  readonly probe?: { readonly id: string; readonly since: number; readonly until: number } | undefined
}
