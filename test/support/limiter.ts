import type { RateLimit } from '../../functions/core/flow-control/policies.ts'

// What tests expect of the rate limiter, derived from docs/adr/0014 and not from its code.

/** Up to this count, the limiter keeps each call at its own time. For a larger count it keeps 20 buckets per interval. */
export const EXACT_LOG_MAX = 24
const BUCKETS = 20

/** How many buckets the log of an interval has, when each one is in use. */
export const bucketsOf = (count: number): number => (count <= EXACT_LOG_MAX ? count : BUCKETS)

/** The width of a bucket. Milliseconds. */
export const bucketWidthOf = ({ count, interval_ms }: RateLimit): number =>
  count <= EXACT_LOG_MAX ? 1 : interval_ms / BUCKETS

/** Calls count for longer than the interval: by a tenth of it, at most a second. Milliseconds. */
const slackOf = ({ interval_ms }: RateLimit): number => Math.min(1_000, interval_ms / 10)

/** The time from one full round of `count` calls to the next, at most: the interval, its slack, and a bucket. Milliseconds. */
export const roundOf = (limit: RateLimit): number => limit.interval_ms + slackOf(limit) + bucketWidthOf(limit)
