import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { reportWaiting } from '../../../../functions/sweeper/report-waiting.ts'

const RESULTS = { name: 'shop-results', parts: ['shop-results'] }
const NORMAL = {
  name: 'shop-inference-text-normal',
  parts: ['shop-inference-text-normal', 'shop-inference-text-normal-2'],
}

/** Publishes the metric for a broker with this many messages per queue. The messages of other queues can’t be counted. */
async function report(messages: Readonly<Record<string, number>>) {
  const published: unknown[] = []
  const warnings: unknown[] = []
  await reportWaiting({
    watched: [RESULTS, NORMAL],
    countMessages: async queue => {
      const count = messages[queue]
      if (count === undefined) throw new Unavailable('the broker', new Error('closed'))
      return count
    },
    metrics: { add: (name, value, _model, queue) => void published.push({ queue, name, value }) },
    logger: { warn: (...[message]: unknown[]) => void warnings.push(message) },
  })
  return { published, warnings }
}

describe('the metric WaitingMessages, with RabbitMQ', () => {
  it('is published per queue, as the sum of the queue, its further queues and its bulk queue (for users with many open requests)', async () => {
    const { published, warnings } = await report({
      'shop-results': 0,
      'shop-inference-text-normal': 3,
      'shop-inference-text-normal-2': 4,
    })

    expect(published).toEqual([
      { queue: 'shop-results', name: 'WaitingMessages', value: 0 },
      { queue: 'shop-inference-text-normal', name: 'WaitingMessages', value: 7 },
    ])
    expect(warnings).toEqual([])
  })

  it('the metric is left out for a queue whose messages can’t be counted, with one warning, and is published for the other queues', async () => {
    const { published, warnings } = await report({ 'shop-results': 2, 'shop-inference-text-normal': 3 })

    expect(published).toEqual([{ queue: 'shop-results', name: 'WaitingMessages', value: 2 }])
    expect(warnings).toEqual(['waiting messages could not be counted; the next run counts them'])
  })
})
