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
  /** The pause that the model asks for, in milliseconds from its answer on. */
  readonly retry_after_ms?: number | undefined
}

export type ModelAnswer =
  /** Any JSON value. */
  { readonly ok: true; readonly answer: unknown } | ModelFailure

/** A model behind an endpoint. It is slow, and may fail. */
export interface ModelEndpoint {
  /** Resolves once a call's secret or credentials are at hand. It is called before a request is claimed. Rejects with `Unavailable`. */
  prepare(): Promise<void>
  /**
   * Posts a JSON body. `requestId` is the call's idempotency key; a batch has none. Rejects with `Unavailable` if the secret or
   * the credentials can't be read, and then makes no call. It never rejects because of the model's answer.
   */
  call(requestId: string | undefined, body: unknown): Promise<ModelAnswer>
}
