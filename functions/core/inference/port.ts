import type { FailureCode } from '../domain/errors.ts'

export interface ModelFailure {
  readonly ok: false
  readonly code: FailureCode
  /** A sentence that the request's owner may read. */
  readonly message: string
  /** False when the model can't have seen the call. */
  readonly reached: boolean
  /** The HTTP status, if there was an answer. */
  readonly status?: number | undefined
  /** How long the model asks to be left alone, in milliseconds from its answer on. */
  readonly retry_after_ms?: number | undefined
}

export type ModelAnswer =
  /** Any JSON value. */
  { readonly ok: true; readonly answer: unknown } | ModelFailure

/** A model behind an endpoint that is slow, and may fail. */
export interface ModelEndpoint {
  /** Resolves once all that a call needs is at hand, such as its secret or credentials: before a request is claimed. Rejects with `Unavailable`. */
  prepare(): Promise<void>
  /**
   * Posts a JSON body; `requestId` is the call's idempotency key, which a batch has none of. Never rejects for what the
   * model does; rejects with `Unavailable` if its secret or credentials can't be had, and makes no call then.
   */
  call(requestId: string | undefined, body: unknown): Promise<ModelAnswer>
}
