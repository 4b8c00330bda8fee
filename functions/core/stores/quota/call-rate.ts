import { intervalAt, type Rate } from '../../domain/rate.ts'
import type { Attributes } from '../../platform/dynamodb.ts'

/*
 * The posts of a user in the current interval of his rate, in his quota item, so that the write that reserves counts them.
 *
 * DynamoDB can't start a count anew within an expression. So the count of an interval is an attribute of its own, `calls<n>`,
 * where n is the interval's number modulo SLOTS, and each write removes all the others: there is one at a time. Its value is
 * the interval's number and the count in one, so that a count that is left of an earlier interval with the same attribute
 * is known as such: it takes one more write to replace. SLOTS is a prime: who calls every few seconds, minutes or hours
 * hardly ever meets his own old count.
 *
 * `calls_interval` is the latest interval that was counted in. A write that comes late, or from a clock that is behind, counts
 * in that one instead of starting its own again.
 */
const SLOTS = 31
/** More than MAX_RATE; with it, a second's number and its count stay exact in a double until the year 2241. */
const FACTOR = 2 ** 20

/** What a write takes for granted of the count that it adds to. */
export interface CallCount {
  readonly interval: number
  readonly count: number
  /** What is left in the interval's attribute of an earlier interval, and has to be replaced. */
  readonly stale?: number | undefined
}

/** What is mostly so: the interval is the clock's, and its attribute is free or its own. */
export const expectedCount = (rate: Rate, now: number): CallCount => ({ interval: intervalAt(rate, now), count: 0 })

/** What an item says. */
export function callCount(item: Attributes, rate: Rate, now: number): CallCount {
  const interval = Math.max(intervalAt(rate, now), Number(item.calls_interval ?? 0))
  const value = item[attributeOf(interval)]
  if (typeof value !== 'number') return { interval, count: 0 }
  const count = value - interval * FACTOR
  return count < 0 ? { interval, count: 0, stale: value } : { interval, count }
}

const attributeOf = (interval: number): string => `calls${interval % SLOTS}`

/** The attributes of a new item that holds one post. */
export const firstCall = ({ interval }: CallCount): Attributes => ({
  calls_interval: interval,
  [attributeOf(interval)]: interval * FACTOR + 1,
})

/** The parts of the update that count a post, unless the rate is used up. */
export function countCall({ interval, stale }: CallCount, rate: Rate) {
  const own = attributeOf(interval)
  const others = Array.from({ length: SLOTS }, (_, slot) => `calls${slot}`).filter(name => name !== own)
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
