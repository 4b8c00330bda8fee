/**
 * The delay queues hold 1, 2, 4, … 512 seconds. A message passes those whose sum is its delay, so any delay of whole seconds is exact,
 * with ten queues for a whole deployment. Their arguments depend on nothing that pipeline.yaml can change.
 */
export const DELAY_LEVELS = 10

export const delayName = (prefix: string, level: number): string => `${prefix}delay-${level}`

/** Returns the names of all delay queues. */
export const delayNames = (prefix: string): string[] =>
  Array.from({ length: DELAY_LEVELS }, (_, level) => delayName(prefix, level))

/** Returns the name of the exchange at the end of all delays. */
export const deliverName = (prefix: string): string => `${prefix}deliver`

/** Returns the exchange to which the delay queue of a level passes its messages. */
export const exchangeBelow = (prefix: string, level: number): string =>
  level === 0 ? deliverName(prefix) : delayName(prefix, level - 1)

/**
 * Returns the pattern of routing keys with this bit at a level. A key has a bit per level, the highest first, and then
 * its queue.
 */
export const bitPattern = (level: number, bit: 0 | 1): string => `${'*.'.repeat(DELAY_LEVELS - 1 - level)}${bit}.#`

/** Returns the exchange and the key with which a message is published so that it reaches its queue after a delay. */
export function delayedRoute(prefix: string, queue: string, seconds: number): { exchange: string; key: string } {
  const bits = seconds.toString(2).padStart(DELAY_LEVELS, '0')
  if (seconds < 1 || bits.length > DELAY_LEVELS) throw new RangeError(`a delay of ${seconds} s is not 1 s to 1,023 s`)
  const highest = DELAY_LEVELS - 1 - bits.indexOf('1')
  return { exchange: delayName(prefix, highest), key: `${[...bits].join('.')}.${queue}` }
}
