/** An answer of a provider's API from its documentation or its source, with its meaning for the request. */
export interface DocumentedAnswer {
  /** The occasion of the answer. */
  readonly what: string
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
  /** `retry`, `drop` and `halt` are verdicts on a failed call. */
  readonly means: 'result' | 'retry' | 'drop' | 'halt'
  /** The result for the client, and the usage for the quota. */
  readonly gives?: { readonly result: unknown; readonly usage?: unknown }
}
