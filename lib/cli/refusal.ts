/** A command that can't be done as asked: its message is the one sentence that the operator reads. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
