import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import type { WatchPorts } from '../../../../functions/sweeper/ports.ts'
import { reportWaiting } from '../../../../functions/sweeper/report-waiting.ts'

const RESULTS = { name: 'shop-results', parts: ['shop-results'] }
const NORMAL = {
  name: 'shop-inference-text-normal',
  parts: ['shop-inference-text-normal', 'shop-inference-text-normal-2'],
}

/** Runs a report over a broker with so many messages per queue. A queue that is left out can't be asked. */
async function report(messages: Readonly<Record<string, number>>) {
  const published: unknown[] = []
  const warnings: unknown[] = []
  const metrics = {
    singleMetric: () => ({
      addDimension: (_: string, queue: string) => ({
        addMetric: (name: string, unit: string, value: number) => published.push({ queue, name, unit, value }),
      }),
    }),
  } as unknown as WatchPorts['metrics']
  await reportWaiting({
    watched: [RESULTS, NORMAL],
    countMessages: async queue => {
      const count = messages[queue]
      if (count === undefined) throw new Unavailable('the broker', new Error('closed'))
      return count
    },
    metrics,
    logger: { warn: (...[message]: unknown[]) => void warnings.push(message) },
  })
  return { published, warnings }
}

describe('the metric of waiting messages', () => {
  it('is published for each queue, over all queues that share its messages', async () => {
    const { published, warnings } = await report({
      'shop-results': 0,
      'shop-inference-text-normal': 3,
      'shop-inference-text-normal-2': 4,
    })

    expect(published).toEqual([
      { queue: 'shop-results', name: 'WaitingMessages', unit: 'Count', value: 0 },
      { queue: 'shop-inference-text-normal', name: 'WaitingMessages', unit: 'Count', value: 7 },
    ])
    expect(warnings).toEqual([])
  })

  it('is left out for a queue that cannot be asked, with one warning, and the others are published', async () => {
    const { published, warnings } = await report({ 'shop-results': 2, 'shop-inference-text-normal': 3 })

    expect(published).toEqual([{ queue: 'shop-results', name: 'WaitingMessages', unit: 'Count', value: 2 }])
    expect(warnings).toEqual(['waiting messages could not be counted; the next run counts them'])
  })
})
