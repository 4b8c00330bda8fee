/** Thrown when a command can't be done as asked. Its message is the one sentence that the operator reads. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
