import { describe, expect, it } from 'vitest'
import { deferUntil, deferUntilSlot, resend, withHints } from '../../../../functions/worker/defer.ts'
import { movableClock, NOW } from '../../../support/clock.ts'
import { memoryQueue } from '../../../support/memory/queue.ts'
import { aMessage, anItem } from '../../../support/requests.ts'

const message = aMessage(anItem({ priority: 'high' }))

function aQueue() {
  const queue = memoryQueue()
  return { ports: { queue, clock: movableClock().clock }, sent: () => queue.sent('inference-text-high') }
}

describe('a deferred message', () => {
  it.each([
    { wait: -5_000, seconds: 1 },
    { wait: 0, seconds: 1 },
    { wait: 1_000, seconds: 1 },
    { wait: 1_001, seconds: 2 },
    { wait: 900_000, seconds: 900 },
    { wait: 86_400_000, seconds: 900 },
  ])(
    'is sent with a delay of $seconds s if it is deferred by $wait ms: at least 1 s, and at most the longest delay of the queue',
    async ({ wait, seconds }) => {
      const { ports, sent } = aQueue()

      await deferUntil(ports, message, NOW + wait)

      expect(sent()).toEqual([
        { body: JSON.parse(JSON.stringify(message)), group: message.user_id, delay_seconds: seconds },
      ])
    },
  )

  it.each([
    { wait: 100, seconds: 0 },
    { wait: 1_499, seconds: 0 },
    { wait: 1_500, seconds: 1 },
    { wait: 7_400, seconds: 6 },
    { wait: 900_000, seconds: 899 },
  ])(
    'a message whose slot is in $wait ms is redelivered after $seconds s, i.e. at most 1.5 s before the slot',
    async one => {
      const { ports, sent } = aQueue()

      await deferUntilSlot(ports, message, NOW + one.wait)

      expect(sent()).toMatchObject([{ delay_seconds: one.seconds }])
    },
  )

  it('a message whose user had many open requests goes to the bulk queue, unless it has a slot of the rate limit, which could pass while it waits there', async () => {
    const { ports, sent } = aQueue()
    const bulk = withHints(message, { gives_way: true })

    await deferUntil(ports, bulk, NOW + 1_000)
    await resend(ports, bulk)
    await deferUntilSlot(ports, withHints(bulk, { turn: NOW + 5_000 }), NOW + 5_000)
    await deferUntil(ports, message, NOW + 1_000)

    expect(sent().map(({ gives_way }) => gives_way)).toEqual([true, true, undefined, undefined])
  })

  it('a message that is only sent again (resend) has no delay', async () => {
    const { ports, sent } = aQueue()

    await resend(ports, message)

    expect(sent()).toMatchObject([{ delay_seconds: 0 }])
  })
})

describe('the hints of a message, i.e. values that one delivery stores for the next,', () => {
  it('are added to the existing hints, or replace them', () => {
    const before = withHints(message, { at_most: 3, turn: NOW })

    expect(withHints(before, { turn: NOW + 1, alone: true }).hints).toEqual({ at_most: 3, turn: NOW + 1, alone: true })
  })

  it('are removed when they are undefined', () => {
    const before = withHints(message, { turn: NOW })

    expect(withHints(before, { turn: undefined })).toEqual(message)
    expect(withHints(before, { turn: undefined })).not.toHaveProperty('hints')
    expect(withHints(message, {})).not.toHaveProperty('hints')
  })
})
