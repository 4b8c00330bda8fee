import { describe, expect, it } from 'vitest'
import { sendForTurn, sendLater, sendNow, withHints } from '../../../../functions/worker/defer.ts'
import { movableClock, NOW } from '../../../support/clock.ts'
import { memoryQueue } from '../../../support/memory/queue.ts'
import { aMessage, anItem } from '../../../support/requests.ts'

const message = aMessage(anItem({ priority: 'high' }))

function aQueue() {
  const queue = memoryQueue()
  return { ports: { queue, clock: movableClock().clock }, sent: () => queue.sent('inference-text-high') }
}

describe('a message that is put back', () => {
  it.each([
    { wait: -5_000, seconds: 1 },
    { wait: 0, seconds: 1 },
    { wait: 1_000, seconds: 1 },
    { wait: 1_001, seconds: 2 },
    { wait: 900_000, seconds: 900 },
    { wait: 86_400_000, seconds: 900 },
  ])('until $wait ms from now waits $seconds s, never less, within what a queue can', async ({ wait, seconds }) => {
    const { ports, sent } = aQueue()

    await sendLater(ports, message, NOW + wait)

    expect(sent()).toEqual([
      { body: JSON.parse(JSON.stringify(message)), group: message.user_id, delay_seconds: seconds },
    ])
  })

  it.each([
    { wait: 100, seconds: 0 },
    { wait: 1_499, seconds: 0 },
    { wait: 1_500, seconds: 1 },
    { wait: 7_400, seconds: 6 },
    { wait: 900_000, seconds: 899 },
  ])('until its turn in $wait ms comes back after $seconds s: half a second to one and a half before it', async one => {
    const { ports, sent } = aQueue()

    await sendForTurn(ports, message, NOW + one.wait)

    expect(sent()).toMatchObject([{ delay_seconds: one.seconds }])
  })

  it('for another time comes back at once', async () => {
    const { ports, sent } = aQueue()

    await sendNow(ports, message)

    expect(sent()).toMatchObject([{ delay_seconds: 0 }])
  })
})

describe('the hints of a message', () => {
  it('are added to those it has, or take their place', () => {
    const before = withHints(message, { at_most: 3, turn: NOW })

    expect(withHints(before, { turn: NOW + 1, alone: true }).hints).toEqual({ at_most: 3, turn: NOW + 1, alone: true })
  })

  it('are gone when they say nothing any more', () => {
    const before = withHints(message, { turn: NOW })

    expect(withHints(before, { turn: undefined })).toEqual(message)
    expect(withHints(before, { turn: undefined })).not.toHaveProperty('hints')
    expect(withHints(message, {})).not.toHaveProperty('hints')
  })
})
