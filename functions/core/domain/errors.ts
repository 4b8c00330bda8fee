/**
 * Every code of an answer that is ours, with its HTTP status; `docs/errors.md` says what to do about each.
 * Stable: clients branch on them.
 */
export const API_ERRORS = {
  invalid_request: 400,
  unknown_model: 400,
  priority_not_allowed: 403,
  model_not_allowed: 403,
  user_disabled: 403,
  not_found: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  idempotency_mismatch: 422,
  quota_exceeded: 429,
  rate_exceeded: 429,
  internal_error: 500,
  unavailable: 503,
} as const
export type ApiErrorCode = keyof typeof API_ERRORS

/** Why a request `failed`: the codes of its `error`, and the reasons of its dead letter. */
export const FAILURE_CODES = [
  'mapping_failed',
  'model_error',
  'model_rejected',
  'model_timeout',
  'model_unreachable',
  'invalid_model_response',
  'result_too_large',
  'worker_crashed',
  'unavailable',
  'internal_error',
] as const
export type FailureCode = (typeof FAILURE_CODES)[number]

/** `error` is a sentence for people; what else there is depends on the code. */
export interface Refusal {
  readonly error: string
  readonly status: 'error'
  readonly code: string
  readonly [field: string]: unknown
}

/** A refusal with the sentence that its client reads, and what else its answer carries. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  readonly body: Record<string, unknown>
  readonly headers: Record<string, string>

  constructor(
    code: ApiErrorCode,
    sentence: string,
    more: { body?: Record<string, unknown>; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(sentence, { cause: more.cause })
    this.code = code
    this.body = more.body ?? {}
    this.headers = more.headers ?? {}
  }
}

/** The body of an answer that refuses. */
export const refusalOf = ({ message, code, body }: ApiError): Refusal => ({
  error: message,
  status: 'error',
  code,
  ...body,
})
