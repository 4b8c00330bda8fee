/** Thrown if a command can't do what the operator asks. Its message is the one sentence that the operator reads. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
