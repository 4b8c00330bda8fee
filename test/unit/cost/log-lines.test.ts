import { describe, expect, it, vi } from 'vitest'
import { logEnd } from '../../../functions/collector/log-end.ts'
import { emfLines } from '../../../functions/core/platform/metrics/emf.ts'
import { createRecorder } from '../../../functions/core/platform/metrics/recorder.ts'
import { telemetry } from '../../../functions/core/platform/telemetry.ts'
import { BYTES } from '../../../lib/cost/assumptions.ts'
import { NOW } from '../../support/clock.ts'
import { aContext, captureOutput, stubLambdaEnv } from '../../support/lambda.ts'
import { anItem } from '../../support/requests.ts'

/** CloudWatch bills 26 bytes more than the text of each line. */
const PER_LINE = 26

const billed = (lines: readonly string[]): number =>
  lines.reduce((sum, line) => sum + Buffer.byteLength(line) + PER_LINE, 0)

/** The lines of the metrics that a function counts for one request. */
function metricsOf(service: string, model: string | undefined, values: Parameters<typeof add>[1]): string[] {
  const recorder = createRecorder({ service: `sluice-${service}`, model })
  add(recorder, values)
  return emfLines(recorder.take(), 'Sluice', NOW)
}

function add(
  recorder: ReturnType<typeof createRecorder>,
  values: Readonly<Partial<Record<Parameters<typeof recorder.add>[0], number>>>,
): void {
  for (const [name, value] of Object.entries(values)) recorder.add(name as Parameters<typeof recorder.add>[0], value)
}

function endLine(): string[] {
  stubLambdaEnv()
  const output = captureOutput()
  const { logger } = telemetry({
    DEPLOYMENT: 'sluice',
    LOG_FIELDS: '{"environment":"dev"}',
    POWERTOOLS_SERVICE_NAME: 'sluice-collector',
    POWERTOOLS_METRICS_NAMESPACE: 'Sluice',
  })
  logger.addContext({
    ...aContext(),
    functionName: 'sluice-ResultsCollectorLambda5BB8A8C6-0a1B2c3D4e5F',
    awsRequestId: '01a206d9-c6e3-74f6-9849-6ab24ce9cd99',
  })
  const times = { started_at: NOW + 250, completed_at: NOW + 2_250 }
  logEnd(logger, { ...anItem({ status: 'completed', attempt: 1, charge: 17, ...times }), model: 'text' })
  vi.restoreAllMocks()
  return output.text().trim().split('\n')
}

describe('the log lines that the bill counts', () => {
  it('have as many bytes per function as the log lines that a completed request causes', () => {
    const ends = {
      CompletedRequests: 1,
      QueueWait: 0.142,
      TimeToEnd: 2.345,
    }
    const measured = {
      gateway_log: billed(metricsOf('gateway', undefined, { AcceptedRequests: 1, ReservedTokens: 16 })),
      worker_log: billed(
        metricsOf('worker-text', 'text', {
          ModelCalls: 1,
          ModelLatency: 2.005,
          InputTokens: 10,
          OutputTokens: 7,
          DeliveredRequests: 1,
        }),
      ),
      settled_log: billed([
        ...metricsOf('collector', 'text', ends),
        ...metricsOf('collector', undefined, { ChargedTokens: 17 }),
        ...endLine(),
      ]),
    }

    const { gateway_log, worker_log, settled_log } = BYTES
    expect({ gateway_log, worker_log, settled_log }).toEqual(measured)
  })
})
