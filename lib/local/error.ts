/** A mistake or a missing thing that the user can fix. It is shown as one line, without a stack. */
export class LocalError extends Error {
  override readonly name = 'LocalError'
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
