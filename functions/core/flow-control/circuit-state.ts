/**
 * The recent failures of a model. Without `open`, the circuit is closed. After `open.until`, the circuit is half open.
 *
 * A failed call may be caused by its request and not by the model (docs/adr/0032). So the circuit first opens only for
 * the users whose calls have failed. The next failed call of any other user shows that the model is broken, and opens
 * the circuit for all users. The next successful call of any other user shows that the model works, and closes the
 * circuit.
 */
export interface CircuitState {
  /**
   * The times of failed calls, in epoch milliseconds. There are always fewer times than the number of failures that
   * opens the circuit, because the times are removed when it opens.
   */
  readonly failures: readonly number[]
  /** The users of the calls in `failures`, encoded as numbers: see `toFailures`. */
  readonly failed_by?: readonly number[] | undefined
  /**
   * The users for whom the circuit is open may make no call before `until`. `times` is the number of times that the
   * circuit has opened in a row. Each failed probe opens it once more.
   */
  readonly open?: { readonly until: number; readonly times: number } | undefined
  /** The marks (`markOf`) of the users for whom the circuit is open. Absent if the circuit is open for all users. */
  readonly open_for?: readonly number[] | undefined
  /**
   * The probe: the one call that tests whether the model works again. At `until`, the worker of the probe has certainly
   * ended. So after this time, another probe may be made, even if this probe has not been reported.
   */
  readonly probe?: { readonly id: string; readonly since: number; readonly until: number } | undefined
}
