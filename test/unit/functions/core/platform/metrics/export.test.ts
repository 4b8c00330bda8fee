import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { metricsExport } from '../../../../../../functions/core/platform/metrics/export.ts'
import type { Sample } from '../../../../../../functions/core/platform/metrics/meter.ts'
import { startOtlpReceiver } from '../../../../../support/otlp-receiver.ts'

const WITHIN_MS = 20_000

const accepted = (count: number): Sample => ({
  name: 'AcceptedRequests',
  service: 'shop-gateway',
  model: undefined,
  values: [count],
})

async function exporting(answer: Parameters<typeof startOtlpReceiver>[0] = () => ({})) {
  const receiver = await startOtlpReceiver(answer)
  onTestFinished(receiver.close)
  const warn = vi.fn()
  const { take, flush } = metricsExport(`${receiver.origin}/v1/metrics`, 'shop', { warn })
  const sums = () => receiver.exports.map(({ body }) => Number(/"asDouble":(\d+)/.exec(JSON.stringify(body))?.[1]))
  return { receiver, warn, take, flush, sums }
}

describe('the metrics of a function, exported by OTLP', () => {
  it('are exported as sums since the start of the function', async () => {
    const { take, flush, sums, receiver } = await exporting()
    take([accepted(2)])
    await flush(WITHIN_MS)
    take([accepted(3)])
    await flush(WITHIN_MS)

    expect(sums()).toEqual([2, 5])
    expect(receiver.exports.map(({ path }) => path)).toEqual(['/v1/metrics', '/v1/metrics'])
  })

  it('are not exported if nothing was counted since the last export', async () => {
    const { take, flush, sums } = await exporting()
    await flush(WITHIN_MS)
    take([accepted(2)])
    await flush(WITHIN_MS)
    await flush(WITHIN_MS)
    take([])
    await flush(WITHIN_MS)

    expect(sums()).toEqual([2])
  })

  it('metrics that the receiver refuses cause one warning, and no failure of the function', async () => {
    const { take, flush, warn } = await exporting(() => ({ status: 500 }))
    take([accepted(1)])
    await flush(WITHIN_MS)
    take([accepted(1)])
    await flush(WITHIN_MS)

    expect(warn).toHaveBeenCalledTimes(1)
  })
})
