import type { RateLimit } from '../../functions/core/flow-control/policies.ts'

// The expected numbers of the rate limiter. They come from docs/adr/0014, and not from its code.

/** Up to this count, the limiter stores the time of each call. For a larger count, it stores 20 buckets per interval. */
export const EXACT_LOG_MAX = 24
const BUCKETS = 20

/** The most buckets in the log of an interval. */
export const bucketsOf = (count: number): number => (count <= EXACT_LOG_MAX ? count : BUCKETS)

/** The width of a bucket in milliseconds. */
export const bucketWidthOf = ({ count, interval_ms }: RateLimit): number =>
  count <= EXACT_LOG_MAX ? 1 : interval_ms / BUCKETS

/** The time by which calls count for longer than the interval: a tenth of it, at most a second. In milliseconds. */
const slackOf = ({ interval_ms }: RateLimit): number => Math.min(1_000, interval_ms / 10)

/** The longest time from one full round of `count` calls to the next: the interval, its slack, and a bucket. In milliseconds. */
export const roundOf = (limit: RateLimit): number => limit.interval_ms + slackOf(limit) + bucketWidthOf(limit)
