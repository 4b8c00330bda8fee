import * as z from 'zod'

/**
 * The most calls that a rate may allow in an interval. It is limited because the count of a user's posts and the number
 * of its interval are stored in one number.
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

/** Returns the end of that interval, in epoch milliseconds. */
export const intervalEnd = (rate: Rate, now: number): number => (intervalAt(rate, now) + 1) * rate.interval_ms
