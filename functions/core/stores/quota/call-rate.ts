import * as z from 'zod'
import { intervalAt, type Rate } from '../../domain/rate.ts'
import type { Attributes } from '../../platform/dynamodb.ts'

/*
 * Counts the posts of a user in the current interval of the user's rate. The counts are in the user's quota item, so
 * that the write of a reservation also counts the post.
 *
 * An expression of DynamoDB can't reset a count when a new interval begins. So each interval has its own attribute:
 * `calls<n>`, where n is the number of the interval modulo ATTRIBUTES. Each write removes all other attributes. The
 * value holds the number of the interval and the count in one, so that a value of an earlier interval with the same n
 * is recognized. One more write replaces it. ATTRIBUTES is a prime, so that the old value of a user who calls every few
 * seconds, minutes or hours is rarely in the way.
 *
 * `calls_interval` is the latest interval with a count. A write that comes late, or from a clock that is behind, counts in that
 * interval and does not go back to its own.
 */
const ATTRIBUTES = 31
/**
 * The factor that separates the interval from the count in a value. It is more than MAX_RATE, and values stay exact in
 * a double until the year 2241.
 */
const FACTOR = 2 ** 20

/** The count that a write expects to find. */
export interface CallCount {
  readonly interval: number
  readonly count: number
  /** The value that an earlier interval has left in the attribute, and that the write must replace. */
  readonly stale?: number | undefined
}

/**
 * Returns the count that a write usually finds: the interval is that of the clock, and no earlier interval has left a
 * value in its attribute.
 */
export const expectedCount = (rate: Rate, now: number): CallCount => ({ interval: intervalAt(rate, now), count: 0 })

const LatestInterval = z.object({ calls_interval: z.number().default(0) })
const Value = z.number().optional()

/** Returns the count in an item. */
export function callCount(item: Attributes, rate: Rate, now: number): CallCount {
  const interval = Math.max(intervalAt(rate, now), LatestInterval.parse(item).calls_interval)
  const value = Value.parse(item[attributeOf(interval)])
  if (value === undefined) return { interval, count: 0 }
  const count = value - interval * FACTOR
  return count < 0 ? { interval, count: 0, stale: value } : { interval, count }
}

const attributeOf = (interval: number): string => `calls${interval % ATTRIBUTES}`

/** Returns the attributes of a new item with one post. */
export const firstCall = ({ interval }: CallCount): Attributes => ({
  calls_interval: interval,
  [attributeOf(interval)]: interval * FACTOR + 1,
})

/** Returns the parts of an update that count a post. Their condition fails if the rate is used up. */
export function countCall({ interval, stale }: CallCount, rate: Rate) {
  const own = attributeOf(interval)
  const others = Array.from({ length: ATTRIBUTES }, (_, n) => `calls${n}`).filter(name => name !== own)
  const isLatest = '(attribute_not_exists(calls_interval) OR calls_interval <= :interval)'
  const base = interval * FACTOR
  const isStaleAsSeen = `${own} = :stale`
  const isWithinRate = `(attribute_not_exists(${own}) OR ${own} BETWEEN :noCalls AND :callsLeft)`
  return {
    set: [
      'calls_interval = :interval',
      `${own} = ${stale === undefined ? `if_not_exists(${own}, :noCalls)` : ':noCalls'} + :call`,
    ],
    remove: others,
    condition: [isLatest, stale === undefined ? isWithinRate : isStaleAsSeen],
    values: {
      ':interval': interval,
      ':noCalls': base,
      ':call': 1,
      ...(stale === undefined ? { ':callsLeft': base + rate.count - 1 } : { ':stale': stale }),
    },
  }
}
