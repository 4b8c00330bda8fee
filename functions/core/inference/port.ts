import type { FailureCode } from '../domain/errors.ts'

/** The result of one call: an answer over HTTP, or a broken call. */
export type Reply = Answered | Broken

export interface Answered {
  readonly kind: 'answered'
  /** The URL of the call. */
  readonly url: string
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
      /** A sentence that the request's owner may read. The verdict adds the status and the type of the answer. */
      readonly message: string
    }

/** A call without an answer. */
export interface Broken {
  readonly kind: 'broken'
  readonly code: FailureCode
  /** A sentence that the request's owner may read. */
  readonly message: string
  /** False if the model can't have seen the call. */
  readonly reached: boolean
  /**
   * Whether the call may be made again. `as configured`: there may be up to `retry.attempts` calls. `once`: only once
   * more, because the model probably refuses the size of the body.
   */
  readonly retry: 'as configured' | 'once' | 'never'
}

/**
 * The meaning of a failure for its request. `retry`: the same call may succeed later. `drop`: the same call will never
 * succeed. `halt`: no call to this model will succeed until an operator corrects something, such as a key. The failure
 * is not caused by a single request. The flow control decides whether a `drop` with the status 403 is a halt.
 */
export type Verdict = 'retry' | 'drop' | 'halt'

export interface ModelFailure {
  readonly ok: false
  readonly verdict: Verdict
  readonly code: FailureCode
  /** A sentence that the request's owner may read. */
  readonly message: string
  /** False if the model can't have seen the call. */
  readonly reached: boolean
  /** The HTTP status, if there was an answer. */
  readonly status?: number | undefined
  /** The model's own words, at most 500 characters, without secrets. */
  readonly detail?: string | undefined
  /**
   * The pause that the model asks for with Retry-After, in milliseconds from its answer on. Until its end, no calls are
   * made.
   */
  readonly retry_after_ms?: number | undefined
  /** Whether the call may be made only once more. */
  readonly once?: boolean | undefined
  /**
   * Whether the model has said that it is loading. Then the model gets one probe (a single call that tests it) at a
   * time until it answers. These probes do not count as attempts.
   */
  readonly loading?: boolean | undefined
  /**
   * Whether a condition of pipeline.yaml has decided the verdict. If it drops a 403, this 403 is no reason to halt the
   * model.
   */
  readonly configured?: boolean | undefined
}

export interface ModelSuccess {
  readonly ok: true
  /** Any JSON value. */
  readonly answer: unknown
  /** The status and the type of the answer, for the sentence about an unusable result. */
  readonly status?: number | undefined
  readonly content_type?: string | undefined
}

/** The verdict on a call, or on one element of a batch. */
export type ModelAnswer = ModelSuccess | ModelFailure

/** A model behind an endpoint. It is slow, and may fail. */
export interface ModelEndpoint {
  /**
   * Reads the secret or the credentials of a call. It is called before a request is claimed, so that a secret that
   * can't be read uses up no attempt. Rejects with `Unavailable` if the service can't be reached.
   */
  prepare(): Promise<void>
  /**
   * Posts a JSON body. `requestId` is the call's idempotency key, by which the endpoint can recognize a repeated call.
   * A batch has no key, because it has several requests. If the secret or the credentials can't be read, it makes no
   * call and rejects with `Unavailable` if the service can't be reached. It never rejects because of the model's answer. `url` is another path of the
   * same endpoint.
   */
  call(requestId: string | undefined, body: unknown, url?: string): Promise<Reply>
}
