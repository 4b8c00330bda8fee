import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { readSettings } from '../core/platform/settings.ts'
import { retryLater } from '../core/platform/sqs-records.ts'
import { rejectPlainly } from '../core/platform/strip-error-stack.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { Settings } from './settings.ts'
import { work } from './work.ts'

const ports = compose(Env.parse(process.env), readSettings(Settings))

/** Past its timeout, an invocation may still have a call of its own on the way. Milliseconds. */
const LEASE_MARGIN_MS = 5_000

/** What fails alone comes again alone. */
async function handle({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const ends_at = ports.clock() + context.getRemainingTimeInMillis()
  const again = await work(ports, Records, { ends_at, lease_until: ends_at + LEASE_MARGIN_MS })
  ports.metrics.addMetric('DeliveredRequests', 'Count', Records.length)
  if (again.length > 0) ports.metrics.addMetric('ReturnedMessages', 'Count', again.length)
  return retryLater(again)
}

export const handler = middy(handle)
  .use(injectLambdaContext(ports.logger))
  .use(rejectPlainly(ports.logger))
  .use(logMetrics(ports.metrics))
