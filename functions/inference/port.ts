import type { FailureCode } from '../requests/errors.ts'

export type ModelAnswer =
  /** Any JSON value. */
  | { readonly ok: true; readonly answer: unknown }
  /** `message` is a sentence that the request's owner may read. */
  | { readonly ok: false; readonly code: FailureCode; readonly message: string }

/** A model behind an endpoint that is slow, and may fail. */
export interface ModelEndpoint {
  /** Posts a JSON body. Never rejects for what the model does; rejects with `Unavailable` if its secret can't be read. */
  call(requestId: string, body: unknown): Promise<ModelAnswer>
}
