import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { Settings } from '../core/admission/settings.ts'
import { readSettings } from '../core/platform/settings.ts'
import { retryLater } from '../core/platform/sqs-records.ts'
import { rejectPlainly } from '../core/platform/strip-error-stack.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { type Input, inputOf } from './input.ts'
import { takeInput } from './take-input.ts'

const ports = compose(Env.parse(process.env), readSettings(Settings))

/** Takes messages of input queues, and those that these queues gave up: all of a batch at once. */
async function handle({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const failed = await Promise.all(
    Records.map(async (record): Promise<SQSRecord[]> => ((await isTaken(inputOf(record))) ? [] : [record])),
  )
  return retryLater(failed.flat())
}

async function isTaken(input: Input): Promise<boolean> {
  const { metrics, logger } = ports
  try {
    const taken = await takeInput(ports, input)
    if ('item' in taken) {
      metrics.addMetric('AcceptedRequests', 'Count', 1)
      metrics.addMetric('ReservedTokens', 'Count', taken.item.estimate)
    } else metrics.addMetric('RefusedRequests', 'Count', 1)
    return true
  } catch (error) {
    const { queue, message_id } = input
    logger.error('an input message was not taken and comes again', { queue, message_id, error: error as Error })
    metrics.addMetric('ReturnedMessages', 'Count', 1)
    return false
  }
}

export const handler = middy(handle)
  .use(injectLambdaContext(ports.logger))
  .use(rejectPlainly(ports.logger))
  .use(logMetrics(ports.metrics))
