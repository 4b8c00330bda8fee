/** A mistake or a missing thing that the person at the keyboard can put right: shown as one line, without a stack. */
export class LocalError extends Error {
  override readonly name = 'LocalError'
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
