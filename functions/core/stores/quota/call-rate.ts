import * as z from 'zod'
import { intervalAt, type Rate } from '../../domain/rate.ts'
import type { Attributes } from '../../platform/dynamodb.ts'

/*
 * Counts the POSTs of a user in the current interval of the user's rate (a second, minute or hour). The counts are in
 * the user's quota item, so that the write that makes a reservation also counts the POST.
 *
 * An expression of DynamoDB can't reset a count when a new interval begins. So each interval has its own attribute:
 * `calls<n>`, where n is the number of the interval modulo ATTRIBUTES. Each write removes all other attributes. A value
 * contains both the number of its interval and the count. So the code recognizes a stale value: a value of an earlier
 * interval with the same n. A stale value costs one more write, which replaces it. ATTRIBUTES is a prime. So a user who
 * calls at a regular distance of a few seconds, minutes or hours rarely meets a stale value.
 *
 * `calls_interval` is the latest interval with a count. A write of an earlier interval, which came late or has a slow
 * clock, counts in the latest interval. It never makes an earlier interval the current one. Otherwise the count would
 * begin again at zero, and the user could make more POSTs than the rate allows.
 */
const ATTRIBUTES = 31
/**
 * The factor that separates the interval from the count in a value. It is more than MAX_RATE, so a count never reaches
 * into the interval's number. With this factor, values are exact in a double until the year 2241.
 */
const FACTOR = 2 ** 20

/** What a write expects to find in a user's quota item: the latest interval of the rate, and the user's POSTs in it. */
export interface CallCount {
  readonly interval: number
  readonly count: number
  /** The value that an earlier interval has left in the attribute of this interval. The write replaces it by a new count. */
  readonly stale?: number | undefined
}

/**
 * Returns what the first try of a write expects: the clock's interval is the latest, and its attribute has no stale
 * value. The `count` of 0 is not used, because the write adds to the stored count.
 */
export const expectedCount = (rate: Rate, now: number): CallCount => ({ interval: intervalAt(rate, now), count: 0 })

const LatestInterval = z.object({ calls_interval: z.number().default(0) })
const Value = z.number().optional()

/**
 * Reads from a quota item how many POSTs count in the current interval. If the item already has a later interval than
 * the clock, that interval is the current one.
 */
export function callCount(item: Attributes, rate: Rate, now: number): CallCount {
  const interval = Math.max(intervalAt(rate, now), LatestInterval.parse(item).calls_interval)
  const value = Value.parse(item[attributeOf(interval)])
  if (value === undefined) return { interval, count: 0 }
  const count = value - interval * FACTOR
  return count < 0 ? { interval, count: 0, stale: value } : { interval, count }
}

const attributeOf = (interval: number): string => `calls${interval % ATTRIBUTES}`

/** Returns the attributes of a new item with one POST. */
export const firstCall = ({ interval }: CallCount): Attributes => ({
  calls_interval: interval,
  [attributeOf(interval)]: interval * FACTOR + 1,
})

/**
 * Returns the parts of an update that count a POST. Their condition fails if the rate is used up, or if the item has a
 * later interval or another stale value than expected.
 */
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
