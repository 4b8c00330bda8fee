import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { CLIENT_FLUSH_MS, lambdaHandler } from '../../../../../functions/core/platform/lambda-handler.ts'
import { otlpExporter, PAUSE_MS } from '../../../../../functions/core/platform/otlp/exporter.ts'
import { postJson } from '../../../../../functions/core/platform/otlp/post-json.ts'
import { telemetry } from '../../../../../functions/core/platform/telemetry.ts'
import { otelTracing } from '../../../../../functions/core/platform/tracing/otel-tracing.ts'
import { movableClock } from '../../../../support/clock.ts'
import { aContext, captureOutput, stubLambdaEnv } from '../../../../support/lambda.ts'
import { startOtlpReceiver } from '../../../../support/otlp-receiver.ts'

beforeEach(() => {
  stubLambdaEnv()
  captureOutput()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

/**
 * A function behind the API that sends its traces to a real HTTP receiver. The test moves the clock of the function. `waits`
 * has the milliseconds of each wait for an export.
 */
async function traced(answer: Parameters<typeof startOtlpReceiver>[0]) {
  const receiver = await startOtlpReceiver(answer)
  onTestFinished(receiver.close)
  const { clock, advance } = movableClock()
  const waits: number[] = []
  const posted: Promise<unknown>[] = []
  const post = postJson()
  const exporter = otlpExporter(
    { traces: `${receiver.origin}/v1/traces` },
    (url, json) => {
      const answered = post(url, json)
      posted.push(answered)
      return answered
    },
    {
      clock,
      // The wait ends when the receiver has received the export, however long that takes. So the test does not depend on time.
      sleep: async ms => {
        waits.push(ms)
        await vi.waitUntil(() => receiver.exports.length === posted.length)
      },
    },
  )
  const ports = {
    ...telemetry({
      LOG_FIELDS: '{}',
      DEPLOYMENT: 'sluice',
      POWERTOOLS_SERVICE_NAME: 'sluice-gateway',
      POWERTOOLS_METRICS_NAMESPACE: 'Sluice',
    }),
    tracing: otelTracing({ service: 'sluice-gateway', deployment: 'sluice', sample: 1 }, exporter, () => undefined),
  }
  const handler = lambdaHandler(
    ports,
    async ({ tracing }) => {
      tracing.start('POST /v1/inference').end()
      return 'answered'
    },
    { flushMs: CLIENT_FLUSH_MS },
  )
  const invoke = async (times: number) => {
    for (let i = 0; i < times; i++) expect(await handler({}, aContext())).toBe('answered')
  }
  const spans = () => JSON.stringify(receiver.exports.map(({ body }) => body)).match(/"spanId"/g)?.length ?? 0
  return { invoke, waits, attempts: () => posted.length, advance, spans, settled: () => Promise.all(posted) }
}

describe('a function behind the API', () => {
  it('waits 50 ms for a receiver of traces that never answers, and does not wait again for 30 s, however many requests come', async () => {
    const { invoke, waits, attempts, advance } = await traced(() => ({ silent: true }))

    await invoke(100)
    expect(waits).toEqual([50])
    expect(attempts()).toBe(1)

    advance(PAUSE_MS)
    await invoke(100)
    expect(waits).toEqual([50, 50])
    expect(attempts()).toBe(1)
  })

  it('if a receiver of traces answers 503, calls it only once per 30 s, does not wait for it in between, and sends all spans when it works again', async () => {
    let isBack = false
    const { invoke, waits, attempts, advance, spans, settled } = await traced(() => (isBack ? {} : { status: 503 }))

    await invoke(1)
    await settled()
    const [first] = [waits.length]
    await invoke(99)
    expect(attempts()).toBe(1)
    expect(waits).toHaveLength(first)
    expect(waits.every(ms => ms <= 50)).toBe(true)

    advance(PAUSE_MS)
    isBack = true
    await invoke(1)
    await vi.waitUntil(() => spans() === 1 + 101, { timeout: 20_000 })
  })
})
