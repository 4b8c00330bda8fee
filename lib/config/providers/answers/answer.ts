/** An answer of a provider's API from its documentation or its source, with its meaning for the request. */
export interface DocumentedAnswer {
  /** The situation in which the API gives this answer. */
  readonly what: string
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
  /** The effect on the request: it completes (`result`), is retried, or fails at once (`drop`), or its model is halted. */
  readonly means: 'result' | 'retry' | 'drop' | 'halt'
  /** The result for the client, and the usage for the quota. */
  readonly gives?: { readonly result: unknown; readonly usage?: unknown }
}
