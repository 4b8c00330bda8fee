/** An answer of a provider's API as its documentation or its source has it, and what it means for the request. */
export interface DocumentedAnswer {
  /** When it comes. */
  readonly what: string
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
  /** `retry`, `drop` and `halt` are verdicts on a failed call. */
  readonly means: 'result' | 'retry' | 'drop' | 'halt'
  /** What the client and the quota get of a result. */
  readonly gives?: { readonly result: unknown; readonly usage?: unknown }
}
