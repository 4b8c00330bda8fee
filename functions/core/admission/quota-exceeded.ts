import { RequestError } from '../domain/errors.ts'
import { shardLimits } from '../domain/limits.ts'
import type { Verdict } from './admit.ts'
import type { Prepared } from './prepare.ts'

const IN_FLIGHT_RETRY_S = 5

const SENTENCES = {
  requests: 'request quota exceeded',
  tokens: 'token quota exceeded',
  in_flight: 'in-flight quota exceeded',
}

/**
 * Builds the error for a request that does not fit into its user's quota. The error says which limit is exceeded, how
 * much of the limit is used, and when to try again.
 */
export function quotaExceeded(
  { limit, used }: Extract<Verdict, { used: unknown }>,
  { request, limits, shards, window }: Prepared,
  now: number,
): RequestError {
  const untilReset = Math.max(1, Math.ceil((window.ends_at - now) / 1000))
  const { estimate, created_at: at } = request
  const quota = { limits, used, is_exact: shards === 1, estimate, window, at }
  // The first shard has the largest part of the limit. A request that does not fit into this part can never be
  // admitted.
  const largest = shardLimits(limits, 0, shards).tokens
  if (estimate > largest)
    return new RequestError(
      'quota_exceeded',
      `${SENTENCES.tokens}: the request needs ${estimate} tokens, and one request may have at most ${largest}, so it can never be admitted`,
      { should_retry: false, quota: { ...quota, exceeded: 'tokens' } },
    )
  return new RequestError('quota_exceeded', SENTENCES[limit], {
    retry_after_s: limit === 'in_flight' ? IN_FLIGHT_RETRY_S : untilReset,
    quota: { ...quota, exceeded: limit },
  })
}
