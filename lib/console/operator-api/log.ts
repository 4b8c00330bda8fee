/** A line that a function has logged about a request. */
export interface LogLine {
  /** ISO 8601. */
  readonly at: string
  readonly level: string
  /** The function. */
  readonly source: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}
