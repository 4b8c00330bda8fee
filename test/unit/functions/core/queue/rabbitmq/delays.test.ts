import { describe, expect, it } from 'vitest'
import {
  bitPattern,
  DELAY_LEVELS,
  delayedRoute,
  delayName,
  deliverName,
  exchangeBelow,
} from '../../../../../../functions/core/queue/rabbitmq/delays.ts'

/** Whether a topic exchange of RabbitMQ routes a key by a pattern of `*` and a last `#`. */
const matches = (pattern: string, key: string): boolean => {
  const words = key.split('.')
  return pattern.split('.').every((part, i) => part === '#' || part === '*' || part === words[i])
}

/** The seconds that a message waits in the delay queues, if a broker routes it by the bindings of the delay queues. */
function secondsOnTheWay(seconds: number): number {
  const { exchange, key } = delayedRoute('p-', 'p-queue', seconds)
  let waited = 0
  let at = exchange
  for (let hops = 0; at !== deliverName('p-'); hops++) {
    if (hops > DELAY_LEVELS) throw new Error('the message goes round in circles')
    const level = Array.from({ length: DELAY_LEVELS }, (_, i) => i).find(i => delayName('p-', i) === at) ?? -1
    const bits = [0, 1] as const
    const taken = bits.filter(bit => matches(bitPattern(level, bit), key))
    expect(taken).toHaveLength(1)
    if (taken[0] === 1) waited += 2 ** level
    at = exchangeBelow('p-', level)
  }
  expect(matches('#.p-queue'.replace('#.', '*.'.repeat(DELAY_LEVELS)), key)).toBe(true)
  return waited
}

describe('a delayed message on RabbitMQ', () => {
  it('waits for exactly its delay, for any whole number of seconds that is allowed', () => {
    const all = Array.from({ length: 900 }, (_, i) => i + 1)

    expect(all.map(secondsOnTheWay)).toEqual(all)
  })

  it.each([0, -1, 1_024])('has no route for a delay of %s s', seconds => {
    expect(() => delayedRoute('p-', 'p-queue', seconds)).toThrow('a delay of')
  })
})
