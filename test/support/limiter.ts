import type { RateLimit } from '../../functions/core/flow-control/policies.ts'

// The numbers that tests expect of the rate limit. They follow from docs/adr/0014, and not from the code of the rate limit, so the tests
// notice a change of the code.

/** Up to this `count` of the rate limit, the model's item has the time of each call. Above it, the item has the number of calls in each of 20 buckets. */
export const EXACT_LOG_MAX = 24
const BUCKETS = 20

/** The highest number of entries for one interval in the model's item. */
export const bucketsOf = (count: number): number => (count <= EXACT_LOG_MAX ? count : BUCKETS)

/** The width of a bucket, i.e. of the part of an interval whose calls are counted together, in milliseconds. */
export const bucketWidthOf = ({ count, interval_ms }: RateLimit): number =>
  count <= EXACT_LOG_MAX ? 1 : interval_ms / BUCKETS

/** The milliseconds for which a call counts beyond the interval: a tenth of the interval, and at most a second. */
const slackOf = ({ interval_ms }: RateLimit): number => Math.min(1_000, interval_ms / 10)

/** The longest time from one round of `count` calls to the next round, in milliseconds: the interval, the slack, and a bucket. */
export const roundOf = (limit: RateLimit): number => limit.interval_ms + slackOf(limit) + bucketWidthOf(limit)
