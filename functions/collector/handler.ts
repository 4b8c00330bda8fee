import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { parseMessage, retryLater } from '../platform/batch.ts'
import { ResultEvent } from '../requests/messages.ts'
import { collect } from './collect.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'

const ports = compose(Env.parse(process.env))

async function handle({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const events = new Map<ResultEvent, SQSRecord>()
  const failed: SQSRecord[] = []
  for (const record of Records) {
    const event = parseMessage(ResultEvent, record, ports.logger)
    if (event) events.set(event, record)
    else failed.push(record)
  }
  const { again, ended } = await collect(ports, [...events.keys()])
  for (const [{ type, request_id }, error] of again)
    ports.logger.error('an event was not taken and comes again', { type, request_id, error: error as Error })

  const { metrics } = ports
  for (const { status } of ended)
    metrics.addMetric(status === 'completed' ? 'CompletedRequests' : 'FailedRequests', 'Count', 1)
  metrics.addMetric(
    'ChargedTokens',
    'Count',
    ended.reduce((sum, { charge }) => sum + (charge ?? 0), 0),
  )
  const comesAgain = [...events].flatMap(([event, record]) => (again.has(event) ? [record] : []))
  return retryLater([...failed, ...comesAgain])
}

export const handler = middy(handle).use(injectLambdaContext(ports.logger)).use(logMetrics(ports.metrics))
