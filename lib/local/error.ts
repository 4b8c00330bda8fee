/** An error that the user can fix, such as a wrong setting. The terminal shows it as one line, without a stack trace. */
export class LocalError extends Error {
  override readonly name = 'LocalError'
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
