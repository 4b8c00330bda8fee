import { describe, expect, it, vi } from 'vitest'
import { takeResults } from '../../../../functions/collector/take-results.ts'
import type { Redelivery } from '../../../../functions/core/queue/port.ts'
import type { Publication } from '../../../../functions/core/queue/rabbitmq/link.ts'
import { rabbitMqReceiver } from '../../../../functions/core/queue/rabbitmq/receiver.ts'
import type { Ledger } from '../../../../functions/core/stores/ledger/port.ts'
import { aCollector } from '../../../support/collector.ts'
import { aDelivery } from '../../../support/deliveries.ts'
import { anOutage } from '../../../support/faults.ts'
import { anAcceptedEvent, anItem } from '../../../support/requests.ts'

/**
 * Gives a collector with this ledger an event that was received `receives` times. Returns the seconds until the next
 * delivery.
 */
async function secondsAfter(receives: number, record: Ledger['record']) {
  const { ports } = aCollector()
  const redeliverAfter = vi.fn<Redelivery['redeliverAfter']>(async () => undefined)
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const all = { ...ports, logger, ledger: { record }, queue: { ...ports.queue, redeliverAfter } }
  const delivery = aDelivery(anAcceptedEvent(anItem()), 0, { receive_count: receives })

  const { redeliver } = await takeResults(all, [delivery])

  return {
    returned: redeliver.length,
    seconds: redeliverAfter.mock.calls.flatMap(([of]) => of.map(one => one.seconds)),
  }
}

const away = async () => Promise.reject(anOutage('the ledger'))

describe('a collector whose ledger can’t be reached', () => {
  it.each([
    { receives: 1, seconds: [10] },
    { receives: 40, seconds: [10] },
    { receives: 41, seconds: [25] },
    { receives: 240, seconds: [25] },
  ])(
    'has an event delivered again after 10 or 25 s, so that clients see results soon after the outage (receive $receives)',
    async ({ receives, seconds }) => {
      expect(await secondsAfter(receives, away)).toEqual({ returned: 1, seconds })
    },
  )

  it('after 240 receives, leaves an event for the queue’s longer timeout: at 1,000 receives, SQS would move it, and an operator would have to return it', async () => {
    expect(await secondsAfter(241, away)).toEqual({ returned: 1, seconds: [] })
  })

  it('leaves an event that met a defect for the queue’s longer timeout, since a fast retry corrects no defect', async () => {
    expect(await secondsAfter(1, async () => Promise.reject(new Error('a bug')))).toEqual({ returned: 1, seconds: [] })
  })

  it('does not change the wait of any event if all events are collected', async () => {
    expect(await secondsAfter(1, async () => ({ refused: [] }))).toEqual({ returned: 0, seconds: [] })
  })
})

describe('a collector with RabbitMQ whose ledger can’t be reached', () => {
  it('retries its events for more than a day, and then makes them dead letters, as with SQS', async () => {
    const { ports } = aCollector()
    const published: Publication[] = []
    const receiver = rabbitMqReceiver('stack-', async publication => {
      published.push(publication)
    })
    const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const all = { ...ports, logger, ledger: { record: away }, queue: { ...ports.queue, ...receiver } }
    const data = Buffer.from(JSON.stringify(anAcceptedEvent(anItem()))).toString('base64')
    const waits: number[] = []
    let last: Publication | undefined

    for (let returns = 0; returns < 1_000; returns++) {
      const basicProperties = { messageId: '1', headers: { 'x-sluice-returns': returns } }
      const event = { rmqMessagesByQueue: { 'stack-results::/': [{ basicProperties, data }] } }
      await receiver.response(await takeResults(all, receiver.deliveries(event)), event)
      last = published.pop()
      if (last?.exchange !== '') waits.push(secondsOf(last))
    }

    expect([waits[0], waits[40], waits[240]]).toEqual([10, 25, 150])
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(24 * 3_600)
    expect(last?.key).toBe('stack-results-dlq')
  })
})

/** Computes the delay of a publication. Its key has one bit per delay queue. */
const secondsOf = (publication: Publication | undefined): number =>
  Number.parseInt((publication?.key ?? '').replace('.stack-results', '').replaceAll('.', ''), 2)
