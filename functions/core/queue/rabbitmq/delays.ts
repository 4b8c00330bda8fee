/**
 * The number of delay queues. They hold a message for 1, 2, 4, … 512 seconds. A message passes through the queues whose
 * times add up to its delay. So ten queues for a whole deployment make any delay of whole seconds exact. Their
 * arguments do not depend on pipeline.yaml, because the arguments of an existing queue can't be changed, and a
 * deployment with other arguments would fail.
 */
export const DELAY_LEVELS = 10

export const delayName = (prefix: string, level: number): string => `${prefix}delay-${level}`

/** Returns the names of all delay queues. */
export const delayNames = (prefix: string): string[] =>
  Array.from({ length: DELAY_LEVELS }, (_, level) => delayName(prefix, level))

/**
 * Returns the name of the exchange that a message reaches after its whole delay. This exchange routes the message to
 * its queue.
 */
export const deliverName = (prefix: string): string => `${prefix}deliver`

/** Returns the exchange to which the delay queue of a level passes its messages. */
export const exchangeBelow = (prefix: string, level: number): string =>
  level === 0 ? deliverName(prefix) : delayName(prefix, level - 1)

/**
 * Returns the pattern of the routing keys that have this bit at a level. A routing key has one bit per level, the
 * highest level first, and then the name of the message's queue. A message with the bit 1 passes through the delay
 * queue of that level.
 */
export const bitPattern = (level: number, bit: 0 | 1): string => `${'*.'.repeat(DELAY_LEVELS - 1 - level)}${bit}.#`

/** Returns the exchange and the key with which a message is published so that it reaches its queue after a delay. */
export function delayedRoute(prefix: string, queue: string, seconds: number): { exchange: string; key: string } {
  const bits = seconds.toString(2).padStart(DELAY_LEVELS, '0')
  if (seconds < 1 || bits.length > DELAY_LEVELS) throw new RangeError(`a delay of ${seconds} s is not 1 s to 1,023 s`)
  const highest = DELAY_LEVELS - 1 - bits.indexOf('1')
  return { exchange: delayName(prefix, highest), key: `${[...bits].join('.')}.${queue}` }
}
