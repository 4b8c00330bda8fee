import type { ErrorCode, ErrorDetails, ExceededQuota, Refusal, RequestError } from '../domain/errors.ts'
import { leftOf } from '../domain/limits.ts'
import { type HttpResponse, json } from '../http/response.ts'
import { rateLimitHeaders } from './rate-limit-headers.ts'

/** The HTTP status of each code. */
export const STATUSES: Readonly<Record<ErrorCode, number>> = {
  unauthorized: 401,
  forbidden: 403,
  invalid_request: 400,
  unknown_model: 400,
  priority_not_allowed: 403,
  model_not_allowed: 403,
  user_disabled: 403,
  unknown_user: 403,
  not_found: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  already_ended: 409,
  idempotency_mismatch: 422,
  quota_exceeded: 429,
  rate_exceeded: 429,
  model_failed: 502,
  request_ended: 409,
  result_expired: 404,
  still_running: 504,
  too_many_waits: 503,
  internal_error: 500,
  unavailable: 503,
}

/** Builds the inference API's answer to a call that is refused. */
export const renderError = (error: RequestError): HttpResponse =>
  json(STATUSES[error.code], KEY_REFUSALS[error.code] ?? refusalOf(error), headersOf(error.details))

/**
 * The bodies of the answers to a call without a valid key. They are those of API Gateway itself, because clients may
 * depend on them.
 */
const KEY_REFUSALS: Readonly<Partial<Record<ErrorCode, object>>> = {
  unauthorized: { message: 'Unauthorized' },
  forbidden: { message: 'Forbidden' },
}

/** Builds the body of the answer to a refused call. */
export const refusalOf = ({ message, code, details: { problems, quota } }: RequestError): Refusal => ({
  error: message,
  status: 'error',
  code,
  ...(problems && { details: problems }),
  ...(quota && countersOf(quota)),
  ...(code === 'rate_exceeded' && { limit: 'rate' }),
})

const countersOf = ({ exceeded, used, limits, estimate }: ExceededQuota) => ({
  limit: exceeded,
  requests: { used: used.requests, limit: limits.requests },
  tokens: { used: used.tokens, limit: limits.tokens, estimated: estimate },
  in_flight: { used: used.in_flight, limit: limits.in_flight },
})

const headersOf = ({
  allow,
  retry_after_s,
  should_retry,
  quota,
  request_id,
}: ErrorDetails): Record<string, string> => ({
  ...(allow && { Allow: allow.join(', ') }),
  ...(request_id !== undefined && { 'x-request-id': request_id }),
  ...(retry_after_s !== undefined && { 'Retry-After': String(retry_after_s) }),
  ...(should_retry !== undefined && { 'x-should-retry': String(should_retry) }),
  ...(quota && rateLimitHeaders({ ...quota, left: quota.is_exact ? leftOf(quota.limits, quota.used) : undefined })),
})
