/**
 * The recent failures of a model. Without `open`, the circuit is closed. After `open.until`, the circuit is half open.
 *
 * The circuit judges the model, and not the requests of one user (docs/adr/0032). It opens first for the users whose
 * calls have failed. The next failure of any other user opens it for all users. The next success of any other user
 * closes it.
 */
export interface CircuitState {
  /**
   * The times of failed calls, in epoch milliseconds. There are always fewer than the number that opens the circuit.
   */
  readonly failures: readonly number[]
  /** The user of each of these calls: see `failedCallsOf`. */
  readonly failed_by?: readonly number[] | undefined
  /**
   * No call may be made before `until`. `times` is how often in a row the circuit has opened. Each failed probe counts.
   */
  readonly open?: { readonly until: number; readonly times: number } | undefined
  /** The marks of the users for whom the circuit is open. Absent if it is open for all. */
  readonly open_for?: readonly number[] | undefined
  /**
   * The probe: the one call that tests whether the model is back. It no longer counts after `until`, because its worker
   * is certainly gone then.
   */
  readonly probe?: { readonly id: string; readonly since: number; readonly until: number } | undefined
}
