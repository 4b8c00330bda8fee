import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import * as z from 'zod'
import { telemetry } from '../../../../../functions/core/platform/telemetry.ts'
import { Defect, Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { captureOutput, stubLambdaEnv } from '../../../../support/lambda.ts'
import { startOtlpReceiver } from '../../../../support/otlp-receiver.ts'

const ENV = {
  DEPLOYMENT: 'shop',
  LOG_FIELDS: '{}',
  POWERTOOLS_SERVICE_NAME: 'shop-worker-text',
  POWERTOOLS_METRICS_NAMESPACE: 'Sluice',
}

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

describe('telemetry', () => {
  it('logs lines from the level in pipeline.yaml upwards, and writes metrics whatever the log level is', async () => {
    stubLambdaEnv()
    vi.stubEnv('AWS_LAMBDA_LOG_LEVEL', 'INFO')
    vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'ERROR')
    const output = captureOutput()

    const { logger, metrics } = telemetry(ENV)
    logger.warn('not severe')
    logger.error('severe')
    metrics.add('ModelCalls', 1)
    await metrics.publish(0)

    expect(output.logs()).toMatchObject([{ level: 'ERROR', message: 'severe' }, { ModelCalls: 1 }])
  })

  it('exports all metrics, including the number of defects, if an endpoint for metrics is given', async () => {
    stubLambdaEnv()
    captureOutput()
    const receiver = await startOtlpReceiver()
    onTestFinished(receiver.close)

    const { logger, metrics } = telemetry({
      ...ENV,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.origin}/v1/metrics`,
    })
    metrics.add('ModelCalls', 1)
    logger.error('failed', new Defect('the table', new TypeError('x')))
    await metrics.publish(20_000)

    expect(receiver.exports).toHaveLength(1)
    const text = JSON.stringify(receiver.exports)
    expect(text).toContain('sluice.model_calls')
    expect(text).toContain('sluice.defects')
  })

  const logged = (error?: Error) => {
    stubLambdaEnv()
    const output = captureOutput()
    const { logger } = telemetry(ENV)
    if (error) logger.error('failed', error)
    logger.error('failed', { request_id: 'r1', ...(error && { error }) })
    return output.logs()
  }

  it('counts each logged defect in the metric Defects, with the name of the deployment as service', () => {
    const defects = logged(new Defect('the table', new TypeError('x'))).filter(line => 'Defects' in line)

    expect(defects).toMatchObject([
      { service: 'shop', Defects: 1 },
      { service: 'shop', Defects: 1 },
    ])
  })

  it('does not count an outage, or an ERROR line without an error, as a defect', () => {
    const outage = logged(new Unavailable('the table', new Error('ECONNRESET')))

    expect([...outage, ...logged()].filter(line => 'Defects' in line)).toEqual([])
  })

  it('logs the field of an invalid value, and does not log the value', () => {
    const schema = z.object({ prompt: z.strictObject({}) })
    const { error } = schema.safeParse({ prompt: { sesame: 1 } })

    const lines = logged(new Defect('the table', error))

    expect(lines[0]).toMatchObject({
      error: { name: 'Defect', cause: { name: 'ZodError', message: 'prompt unrecognized_keys' } },
    })
    expect(JSON.stringify(lines)).not.toContain('sesame')
  })
})
