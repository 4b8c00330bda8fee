import * as z from 'zod'

/** The most calls that a rate may allow in an interval: counts of a user's posts share a number with their window. */
export const MAX_RATE = 1_000_000

/** How many calls a user may make in each interval. Intervals are those of the clock: each full second, minute or hour in UTC. */
export const Rate = z.strictObject({
  count: z.int().positive().max(MAX_RATE),
  interval_ms: z.union([z.literal(1_000), z.literal(60_000), z.literal(3_600_000)]),
})
export type Rate = z.infer<typeof Rate>

/** The rate of a plan that names none. */
export const DEFAULT_RATE: Rate = { count: 30_000, interval_ms: 60_000 }

/** Returns the number of the interval that `now` (epoch milliseconds) falls into. */
export const intervalAt = ({ interval_ms }: Rate, now: number): number => Math.floor(now / interval_ms)

/** When that interval ends, epoch milliseconds. */
export const intervalEnd = (rate: Rate, now: number): number => (intervalAt(rate, now) + 1) * rate.interval_ms
