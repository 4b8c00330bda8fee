import type { FailureCode } from '../requests/errors.ts'

export type ModelAnswer =
  /** Any JSON value. */
  | { readonly ok: true; readonly answer: unknown }
  /** `message` is a sentence that the request's owner may read. `reached` is false when the model can't have seen the call. */
  | { readonly ok: false; readonly code: FailureCode; readonly message: string; readonly reached: boolean }

/** A model behind an endpoint that is slow, and may fail. */
export interface ModelEndpoint {
  /** Resolves once all that a call needs is at hand, such as its secret or credentials: before a request is claimed. Rejects with `Unavailable`. */
  prepare(): Promise<void>
  /** Posts a JSON body. Never rejects for what the model does; rejects with `Unavailable` if its secret or credentials can't be had. */
  call(requestId: string, body: unknown): Promise<ModelAnswer>
}
