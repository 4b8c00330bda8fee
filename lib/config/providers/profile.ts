/**
 * The settings that Sluice has for a kind of endpoint (`provider` in pipeline.yaml). A part of the profile is used if the
 * model in the file does not have the same key.
 */
export interface Profile {
  /** The name of the operation for people: `OpenAI's chat completions`. */
  readonly title: string
  /** The services and servers with this API. */
  readonly serves: string
  readonly path: OperationPath
  /**
   * The parts of `endpoint`. If the file has no `auth`, the whole `auth` of the profile is used. If the file has an
   * `auth` with a `secret`, the profile gives its missing keys.
   */
  readonly endpoint?: {
    readonly headers?: Readonly<Record<string, string>>
    readonly auth?: { readonly header: string; readonly prefix: string } | { readonly sigv4: string }
  }
  /** JSONata. `$model` stands for the model's name at the endpoint, as a text. */
  readonly request: string
  readonly response: string
  readonly estimate?: string
  readonly retry: ProfileRetry
  /** Further facts for a reader of docs/providers.md, with one or a few sentences per entry. */
  readonly notes: readonly string[]
  /** The addresses of the provider's own documentation of its API and its errors. */
  readonly sources: readonly string[]
}

/** The path of the provider's operation. `endpoint.url` is the base of the API, or any of its paths. */
export interface OperationPath {
  /** The path of the operation after the base. `{model}` stands for the model's name, encoded. */
  readonly operation: string
  /** The path of the base, which is used if the URL has no path. */
  readonly base: string
  /**
   * The other paths of the API below the base, as regular expressions without anchors. They are removed to find the
   * base.
   */
  readonly known: readonly string[]
}

export interface ProfileRetry {
  readonly backoff_on: readonly number[]
  readonly drop_on: readonly number[]
  /** JSONata over `{ status, headers, body }`. */
  readonly backoff_when?: string
  readonly drop_when?: string
  readonly halt_when?: string
}
