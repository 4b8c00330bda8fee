import { describe, expect, it, onTestFinished } from 'vitest'
import { troubleIn } from '../../../lib/local/lambda/log-line.ts'
import { createLocalMetrics } from '../../../lib/metrics/local-metrics.ts'
import { metricsUrl, pushMetrics } from '../../../lib/metrics/push-metrics.ts'
import { NOW } from '../../support/clock.ts'
import { startOtlpReceiver } from '../../support/otlp-receiver.ts'

const QUEUES = { queues: async () => [{ name: 'shop-results', waiting: 3 }] }

describe('the local system', () => {
  it('the local system exports its metrics by OTLP, also when it stops', async () => {
    const receiver = await startOtlpReceiver()
    onTestFinished(receiver.close)
    const metrics = createLocalMetrics(() => NOW)
    metrics.observer.answered(202)
    const printed: string[] = []
    const stop = pushMetrics(
      receiver.origin,
      { metrics, system: QUEUES, name: 'shop', clock: () => NOW + 1_000 },
      line => printed.push(line),
    )

    await stop()

    expect(receiver.exports.map(({ path }) => path)).toEqual(['/v1/metrics'])
    expect(JSON.stringify(receiver.exports[0]?.body)).toContain('"sluice.api_answers"')
    expect(JSON.stringify(receiver.exports[0]?.body)).toContain('"shop-results"')
    expect(printed).toEqual([])
  })

  it('the local system logs once that its metrics can’t be exported, and stops nevertheless', async () => {
    const receiver = await startOtlpReceiver(() => ({ status: 404 }))
    onTestFinished(receiver.close)
    const printed: string[] = []
    const stop = pushMetrics(
      receiver.origin,
      { metrics: createLocalMetrics(() => NOW), system: QUEUES, name: 'shop', clock: () => NOW },
      line => printed.push(line),
    )

    await stop()

    expect(printed.map(line => troubleIn(line))).toEqual([
      {
        level: 'WARN',
        message: "telemetry can't be exported (status 404); it is tried again every 30 s",
        state: 'lasts',
        topic: 'telemetry',
      },
    ])
  })

  it.each(['http://127.0.0.1:4318', 'http://127.0.0.1:4318/', 'http://127.0.0.1:4318//'])(
    'the local system makes the URL of its metrics endpoint from %s',
    endpoint => {
      expect(metricsUrl(endpoint)).toBe('http://127.0.0.1:4318/v1/metrics')
    },
  )
})
