import { ApiError } from '../domain/errors.ts'
import type { Verdict } from './admit.ts'
import type { Prepared } from './prepare.ts'
import { rateLimitHeaders } from './rate-limit-headers.ts'

const IN_FLIGHT_RETRY_SECONDS = 5

const SENTENCES = {
  requests: 'request quota exceeded',
  tokens: 'token quota exceeded',
  in_flight: 'in-flight quota exceeded',
}

/** The 429 of a refused admission: which limit, what is used of it, and when to come again. */
export function quotaExceeded(
  { limit, used }: Extract<Verdict, { used: unknown }>,
  prepared: Prepared,
  now: number,
): ApiError {
  const { request, limits, window } = prepared
  const left = {
    requests: Math.max(0, limits.requests - used.requests),
    tokens: Math.max(0, limits.tokens - used.tokens),
  }
  const untilReset = Math.max(1, Math.ceil((window.ends_at - now) / 1000))
  return new ApiError('quota_exceeded', SENTENCES[limit], {
    body: {
      requests: { used: used.requests, limit: limits.requests },
      tokens: { used: used.tokens, limit: limits.tokens, estimated: request.estimate },
    },
    headers: {
      'Retry-After': String(limit === 'in_flight' ? IN_FLIGHT_RETRY_SECONDS : untilReset),
      ...rateLimitHeaders(prepared, left),
    },
  })
}
