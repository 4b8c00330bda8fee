import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { parseMessage, retryLater } from '../platform/batch.ts'
import { readSettings } from '../platform/settings.ts'
import { InferenceMessage } from '../requests/messages.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { runRequest } from './run-request.ts'
import { Settings } from './settings.ts'

const settings = readSettings(Settings)
const ports = compose(Env.parse(process.env), settings)

/** Past its timeout, an invocation may still have a call of its own on the way. Milliseconds. */
const LEASE_MARGIN_MS = 5_000

/** Runs a batch's messages at once: Lambda is billed while the models think. What fails alone comes again alone. */
async function handle(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const lease_until = ports.clock() + context.getRemainingTimeInMillis() + LEASE_MARGIN_MS
  const done = await Promise.all(event.Records.map(record => run(record, lease_until)))
  const failed = event.Records.filter((_, i) => !done[i])
  ports.metrics.addMetric('DeliveredRequests', 'Count', event.Records.length)
  return retryLater(failed)
}

/** Whether the message may be acknowledged. */
async function run(record: SQSRecord, lease_until: number): Promise<boolean> {
  const message = parseMessage(InferenceMessage, record, ports.logger)
  if (!message) return false
  try {
    await runRequest(ports, { message, lease_until, store_prompts: settings.store_prompts })
    return true
  } catch (error) {
    ports.logger.error('a request was not run and comes again', {
      request_id: message.request_id,
      error: error as Error,
    })
    return false
  }
}

export const handler = middy(handle).use(injectLambdaContext(ports.logger)).use(logMetrics(ports.metrics))
