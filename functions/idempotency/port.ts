/** What a key stands for. */
export interface KeyedRequest {
  readonly request_id: string
  /** SHA-256 of the body, hex. */
  readonly fingerprint: string
}

/** How long a key is remembered at least, in milliseconds. */
export const REMEMBERED_MS = 24 * 3_600_000

/** Idempotency keys of a user's requests, each remembered for 24 h. Methods reject with `Unavailable`. */
export interface IdempotencyKeys {
  /** Binds a key to a request, unless it is bound already; answers with what it is bound to then. */
  bind(userId: string, key: string, request: KeyedRequest, now: number): Promise<KeyedRequest>
  /** Binds a key that is bound to `from` to another request; answers with what it is bound to then. */
  rebind(userId: string, key: string, from: string, request: KeyedRequest, now: number): Promise<KeyedRequest>
}
