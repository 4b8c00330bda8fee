import { RequestError } from '../domain/errors.ts'
import type { Verdict } from './admit.ts'
import type { Prepared } from './prepare.ts'

const IN_FLIGHT_RETRY_S = 5

const SENTENCES = {
  requests: 'request quota exceeded',
  tokens: 'token quota exceeded',
  in_flight: 'in-flight quota exceeded',
}

/** The refusal of a request that its user's quota has no room for: which limit, what is used of it, and when to try again. */
export function quotaExceeded(
  { limit, used }: Extract<Verdict, { used: unknown }>,
  { request, limits, window }: Prepared,
  now: number,
): RequestError {
  const untilReset = Math.max(1, Math.ceil((window.ends_at - now) / 1000))
  return new RequestError('quota_exceeded', SENTENCES[limit], {
    retry_after_s: limit === 'in_flight' ? IN_FLIGHT_RETRY_S : untilReset,
    quota: { exceeded: limit, limits, used, estimate: request.estimate, window, at: request.created_at },
  })
}
