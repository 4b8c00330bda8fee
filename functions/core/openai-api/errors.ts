import type { ErrorCode, ErrorDetails, RequestError } from '../domain/errors.ts'
import { leftOf } from '../domain/limits.ts'
import type { Problem } from '../domain/problems.ts'
import type { HttpCall } from '../http/call.ts'
import type { RenderError } from '../http/http-handler.ts'
import { type HttpResponse, json } from '../http/response.ts'
import { durationOf, rateLimitHeaders } from './rate-limit-headers.ts'

interface Shape {
  readonly status: number
  readonly type: string
  readonly code: string | null
  readonly param?: string
}

const invalid = (status: number, code: string | null, param?: string): Shape => ({
  status,
  type: 'invalid_request_error',
  code,
  ...(param !== undefined && { param }),
})

/** OpenAI's status, type and code for each code of Sluice. */
export const SHAPES: Readonly<Record<ErrorCode, Shape>> = {
  unauthorized: invalid(401, 'invalid_api_key'),
  forbidden: invalid(401, 'invalid_api_key'),
  invalid_request: invalid(400, 'invalid_value'),
  unknown_model: invalid(404, 'model_not_found', 'model'),
  priority_not_allowed: invalid(403, 'priority_not_allowed', 'service_tier'),
  model_not_allowed: invalid(403, 'model_not_allowed', 'model'),
  user_disabled: invalid(403, 'user_disabled'),
  unknown_user: invalid(403, 'unknown_user'),
  not_found: invalid(404, 'not_found'),
  method_not_allowed: invalid(405, 'method_not_allowed'),
  payload_too_large: invalid(413, 'payload_too_large'),
  already_ended: invalid(409, 'already_ended'),
  idempotency_mismatch: invalid(422, 'idempotency_mismatch'),
  quota_exceeded: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  rate_exceeded: { status: 429, type: 'requests', code: 'rate_limit_exceeded' },
  model_failed: { status: 502, type: 'server_error', code: 'model_failed' },
  request_ended: invalid(409, 'request_ended'),
  result_expired: invalid(404, 'result_expired'),
  still_running: { status: 504, type: 'server_error', code: 'still_running' },
  too_many_waits: { status: 503, type: 'server_error', code: 'too_many_waits' },
  internal_error: { status: 500, type: 'server_error', code: 'internal_error' },
  unavailable: { status: 503, type: 'server_error', code: 'unavailable' },
}

/**
 * The largest Retry-After for SDKs, in seconds. OpenAI's SDKs wait as long as Retry-After says, up to a minute, and a
 * client should not seem to hang for so long.
 */
const MAX_RETRY_AFTER_S = 30

/** Builds the answer of the OpenAI API to a call that is refused. */
export function renderOpenAiError(error: RequestError, call: HttpCall): HttpResponse {
  const { status, type, code, param } = shapeOf(error)
  const body = { error: { message: error.message, type, param: param ?? null, code } }
  return json(status, body, headersOf(error, call))
}

function shapeOf({ code, details }: RequestError): Shape {
  const { problems, quota, is_unsupported: isUnsupported, failed } = details
  if (failed?.status !== undefined) return invalid(failed.status, failed.code)
  if (quota?.exceeded === 'in_flight' && details.should_retry !== false) return SHAPES.rate_exceeded
  const [problem] = problems ?? []
  if (code !== 'invalid_request' || !problem) return SHAPES[code]
  return invalid(400, isUnsupported ? 'unsupported_parameter' : codeOf(problem), paramOf(problem))
}

const codeOf = ({ message }: Problem): string =>
  message.startsWith('is missing') ? 'missing_required_parameter' : 'invalid_value'

const paramOf = ({ path }: Problem): string | undefined => (path === '' ? undefined : path)

function headersOf({ code, details }: RequestError, call: HttpCall): Record<string, string> {
  const { allow, retry_after_s: retryAfterS, quota, rate, request_id: requestId } = details
  const mayRetry = shouldRetry(code, details, call)
  const seconds = mayRetry === false || retryAfterS === undefined ? undefined : Math.min(retryAfterS, MAX_RETRY_AFTER_S)
  return {
    ...(allow && { Allow: allow.join(', ') }),
    ...(requestId !== undefined && { 'x-request-id': requestId }),
    ...(seconds !== undefined && { 'Retry-After': String(seconds), 'retry-after-ms': String(1000 * seconds) }),
    ...(mayRetry !== undefined && { 'x-should-retry': String(mayRetry) }),
    ...(quota && rateLimitHeaders({ ...quota, left: quota.is_exact ? leftOf(quota.limits, quota.used) : undefined })),
    ...(rate && {
      'x-ratelimit-limit-requests': String(rate.count),
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': durationOf(1000 * (retryAfterS ?? 1)),
    }),
  }
}

/**
 * Returns whether an SDK may repeat the call by itself. Returns undefined if the SDK should decide by the HTTP status.
 * If the request of the call may have been admitted, a repetition without an Idempotency-Key could be a second request,
 * which is charged, too. So such a repetition is allowed only if the request was certainly not admitted.
 */
function shouldRetry(code: ErrorCode, details: ErrorDetails, call: HttpCall): boolean | undefined {
  const { should_retry, may_be_admitted: mayBeAdmitted, quota } = details
  if (should_retry !== undefined) return should_retry
  if (mayBeAdmitted) return isRepeatable(call)
  switch (code) {
    case 'quota_exceeded':
      return quota?.exceeded === 'in_flight'
    case 'rate_exceeded':
    case 'unavailable':
    case 'too_many_waits':
      return true
    case 'still_running':
    case 'internal_error':
      return isRepeatable(call)
    case 'already_ended':
    case 'request_ended':
    case 'model_failed':
      return false
    default:
      return undefined
  }
}

/** Returns whether the call can be repeated without making a second request. */
const isRepeatable = ({ route, headers }: HttpCall): boolean =>
  !route.startsWith('POST ') || headers['idempotency-key'] !== undefined

const PATHS = /^\/v1\/(?:models|chat|completions|embeddings|responses)(?:\/|$)/

/**
 * Makes the renderer of errors. It renders errors on paths of the OpenAI API in OpenAI's shape, and passes all others
 * to `others`.
 */
export const withOpenAiErrors =
  (others: RenderError): RenderError =>
  (error, call) =>
    (PATHS.test(call.path) ? renderOpenAiError : others)(error, call)
