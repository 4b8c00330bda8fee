import * as z from 'zod'

/**
 * The most calls that a rate may allow in an interval. The limit exists because the quota item stores the number of an
 * interval and the count of posts in this interval together in one number (`stores/quota/call-rate.ts`). A larger count
 * would change the interval's number in it.
 */
export const MAX_RATE = 1_000_000

/**
 * The number of calls that a user may make in each interval. An interval is a full second, minute or hour of the clock
 * in UTC.
 */
export const Rate = z.strictObject({
  count: z.int().positive().max(MAX_RATE),
  interval_ms: z.union([z.literal(1_000), z.literal(60_000), z.literal(3_600_000)]),
})
export type Rate = z.infer<typeof Rate>

/** The rate of a plan without a `rate`. */
export const DEFAULT_RATE: Rate = { count: 30_000, interval_ms: 60_000 }

/** Returns the number of the interval that `now` (epoch milliseconds) falls into. */
export const intervalAt = ({ interval_ms }: Rate, now: number): number => Math.floor(now / interval_ms)

/** Returns the end of the interval that `now` falls into. Both are epoch milliseconds. */
export const intervalEnd = (rate: Rate, now: number): number => (intervalAt(rate, now) + 1) * rate.interval_ms
