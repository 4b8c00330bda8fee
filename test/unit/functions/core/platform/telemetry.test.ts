import { afterEach, describe, expect, it, vi } from 'vitest'
import { telemetry } from '../../../../../functions/core/platform/telemetry.ts'
import { captureOutput, stubLambdaEnv } from '../../../../support/lambda.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

describe('telemetry', () => {
  it('logs from the level of pipeline.yaml on, and always counts, whatever Lambda lets through', () => {
    stubLambdaEnv()
    vi.stubEnv('AWS_LAMBDA_LOG_LEVEL', 'INFO')
    vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'ERROR')
    const output = captureOutput()

    const { logger, metrics } = telemetry({ LOG_FIELDS: '{}' })
    logger.warn('not severe')
    logger.error('severe')
    metrics.addMetric('Calls', 'Count', 1)
    metrics.publishStoredMetrics()

    expect(output.logs()).toMatchObject([{ level: 'ERROR', message: 'severe' }, { Calls: 1 }])
  })
})
