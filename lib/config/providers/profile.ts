/**
 * What Sluice knows of a kind of endpoint (`provider` in pipeline.yaml). A profile is data. Each part stands in for a key of the model
 * that the file leaves out; a key that is given wins.
 */
export interface Profile {
  /** What is called, for people: `OpenAI's chat completions`. */
  readonly title: string
  /** The services and servers that speak it. */
  readonly serves: string
  readonly path: OperationPath
  /** Of `endpoint`. `auth` is used whole if the file has no `auth`, and for the missing keys of one with a `secret`. */
  readonly endpoint?: {
    readonly headers?: Readonly<Record<string, string>>
    readonly auth?: { readonly header: string; readonly prefix: string } | { readonly sigv4: string }
  }
  /** JSONata. `$model` stands for the model's name at the endpoint, as a text. */
  readonly request: string
  readonly response: string
  readonly estimate?: string
  readonly retry: ProfileRetry
  /** What else a reader of docs/providers.md has to know, one sentence or a few per entry. */
  readonly notes: readonly string[]
  /** Where the provider documents all this. */
  readonly sources: readonly string[]
}

/** Where the provider's operation is. `endpoint.url` is the base of the API, or any of its paths. */
export interface OperationPath {
  /** The path of the operation after the base. `{model}` stands for the model's name, encoded. */
  readonly operation: string
  /** The base's path, if the URL has none. */
  readonly base: string
  /** The other paths of the API below the base, as regular expressions without anchors. They are cut off to find the base. */
  readonly known: readonly string[]
}

export interface ProfileRetry {
  readonly backoff_on: readonly number[]
  readonly drop_on: readonly number[]
  /** Over `{ status, headers, body }`. */
  readonly backoff_when?: string
  readonly drop_when?: string
  readonly halt_when?: string
}
