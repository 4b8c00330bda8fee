import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { parseMessage, retryLater } from '../platform/batch.ts'
import { readSettings } from '../platform/settings.ts'
import { InferenceMessage } from '../requests/messages.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { type Job, plan, postpone, reportUnreadable } from './plan.ts'
import { runRequest } from './run-request.ts'
import { Settings } from './settings.ts'

const settings = readSettings(Settings)
const ports = compose(Env.parse(process.env), settings)

/** Past its timeout, an invocation may still have a call of its own on the way. Milliseconds. */
const LEASE_MARGIN_MS = 5_000

/** Runs a batch's messages at once: Lambda is billed while the models think. What fails alone comes again alone. */
async function handle(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const lease_until = ports.clock() + context.getRemainingTimeInMillis() + LEASE_MARGIN_MS
  const read = event.Records.map(record => ({ record, message: parseMessage(InferenceMessage, record, ports.logger) }))
  const failed = (await Promise.all(plan(read).map(job => perform(job, lease_until)))).flat()
  ports.metrics.addMetric('DeliveredRequests', 'Count', event.Records.length)
  return retryLater(failed)
}

/** Answers with the records that have to come again. */
async function perform({ act, record, message }: Job, lease_until: number): Promise<SQSRecord[]> {
  try {
    if (act === 'report') await reportUnreadable(ports, record)
    else if (act === 'postpone') await postpone(ports, message)
    else
      await runRequest(ports, {
        message,
        lease_until,
        store_prompts: settings.store_prompts,
        isAlone: act === 'run alone',
      })
    return []
  } catch (error) {
    const request_id = message?.request_id
    ports.logger.error('a message was not dealt with and comes again', { request_id, error: error as Error })
    return [record]
  }
}

export const handler = middy(handle).use(injectLambdaContext(ports.logger)).use(logMetrics(ports.metrics))
