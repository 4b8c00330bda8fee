import type { FailureCode } from '../domain/errors.ts'

/** What came back from one call: an answer over HTTP, or a call that broke. */
export type Reply = Answered | Broken

export interface Answered {
  readonly kind: 'answered'
  readonly status: number
  /** The names are in lower case. Several lines of one header are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** The value of Content-Type. */
  readonly content_type: string | undefined
  readonly body: Body
}

/** The decoded body. The endpoint has masked the secret of the call in it. */
export type Body =
  | { readonly kind: 'json'; readonly value: unknown }
  /** The body is not JSON. `why` ends a sentence that begins with "the model's answer": "is not JSON". */
  | { readonly kind: 'text'; readonly text: string; readonly why: string }
  | { readonly kind: 'empty' }
  /** The body can't be read: it is too large, or in an unknown encoding. */
  | {
      readonly kind: 'unusable'
      readonly code: Extract<FailureCode, 'invalid_model_response' | 'result_too_large'>
      /** A sentence that the request's owner may read. */
      readonly message: string
    }

/** A call without an answer. */
export interface Broken {
  readonly kind: 'broken'
  readonly code: FailureCode
  /** A sentence that the request's owner may read. */
  readonly message: string
  /** False when the model can't have seen the call. */
  readonly reached: boolean
  /** `as configured`: up to `retry.attempts` calls. `once`: the call may be made once more. */
  readonly retry: 'as configured' | 'once' | 'never'
}

/**
 * What a failure means for its request.
 * `retry`: the same call may succeed another time. `drop`: it will not. `halt`: no call of this model will succeed until somebody
 * corrects something, and no request is to blame. The flow control decides whether a `drop` with the status 403 is a halt.
 */
export type Verdict = 'retry' | 'drop' | 'halt'

export interface ModelFailure {
  readonly ok: false
  readonly verdict: Verdict
  readonly code: FailureCode
  /** A sentence that the request's owner may read. */
  readonly message: string
  /** False when the model can't have seen the call. */
  readonly reached: boolean
  /** The HTTP status, if there was an answer. */
  readonly status?: number | undefined
  /** The model's own words, at most 500 characters, without secrets. */
  readonly detail?: string | undefined
  /** The pause that the model asks for, in milliseconds from its answer on. */
  readonly retry_after_ms?: number | undefined
  /** The call may be made once more at most. */
  readonly once?: boolean | undefined
  /** The model has said that it is loading. It is tried by one call at a time until it answers, and no attempt is spent. */
  readonly loading?: boolean | undefined
  /** A condition of pipeline.yaml drops this 403, so it is no sign of a halt. */
  readonly configured?: boolean | undefined
}

export interface ModelSuccess {
  readonly ok: true
  /** Any JSON value. */
  readonly answer: unknown
  /** How the answer came, for the sentence of a result that turns out to be unusable. */
  readonly status?: number | undefined
  readonly content_type?: string | undefined
}

/** The verdict on a call, or on one element of a batch. */
export type ModelAnswer = ModelSuccess | ModelFailure

/** A model behind an endpoint. It is slow, and may fail. */
export interface ModelEndpoint {
  /** Resolves once a call's secret or credentials are at hand. It is called before a request is claimed. Rejects with `Unavailable`. */
  prepare(): Promise<void>
  /**
   * Posts a JSON body. `requestId` is the call's idempotency key; a batch has none. Rejects with `Unavailable` if the secret or
   * the credentials can't be read, and then makes no call. It never rejects because of the model's answer. `url` is another path of
   * the same endpoint.
   */
  call(requestId: string | undefined, body: unknown, url?: string): Promise<Reply>
}
