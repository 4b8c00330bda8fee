import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { unreadableEvent } from '../core/domain/events.ts'
import { type InferenceMessage, type ResultEvent, readAnyMessage } from '../core/domain/messages.ts'
import { bury } from '../core/lifecycle/fail-undelivered.ts'
import { readRecord, retryLater } from '../core/platform/sqs-records.ts'
import { rejectPlainly } from '../core/platform/strip-error-stack.ts'
import { collect, type Ended } from './collect.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'

const ports = compose(Env.parse(process.env))

/** Takes results, and the inference messages that their queues gave up, from whose dead-letter queues they come here. */
async function handle({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const events = new Map<ResultEvent, SQSRecord>()
  const givenUp: { message: InferenceMessage; record: SQSRecord }[] = []
  const ofNewerVersion: SQSRecord[] = []
  for (const record of Records) {
    const found = readRecord(readAnyMessage, record, ports.logger)
    if (found.kind === 'unknown type') ofNewerVersion.push(record)
    else if (found.kind === 'unreadable')
      events.set(unreadableEvent(record.messageId, record.body, ports.clock()), record)
    else if (found.message.type === 'inference') givenUp.push({ message: found.message, record })
    else events.set(found.message, record)
  }
  if (ofNewerVersion.length > 0) ports.metrics.addMetric('ReturnedMessages', 'Count', ofNewerVersion.length)
  const unburied = await Promise.all(givenUp.map(one => buried(one.message).then(done => (done ? [] : [one.record]))))
  const again = await collected([...events.keys()])
  const comesAgain = [...events].flatMap(([event, record]) => (again.has(event) ? [record] : []))
  return retryLater([...ofNewerVersion, ...unburied.flat(), ...comesAgain])
}

async function buried(message: InferenceMessage): Promise<boolean> {
  try {
    return await bury(ports, message, ports.clock())
  } catch (error) {
    const { request_id } = message
    ports.logger.error('a message that was given up comes again', { request_id, error: error as Error })
    ports.metrics.addMetric('ReturnedMessages', 'Count', 1)
    return false
  }
}

async function collected(events: readonly ResultEvent[]): Promise<ReadonlyMap<ResultEvent, unknown>> {
  const { metrics, logger } = ports
  const { again, ended } = await collect(ports, events)
  for (const [event, error] of again) {
    const request_id = 'request_id' in event ? event.request_id : undefined
    logger.error('an event was not taken and comes again', { type: event.type, request_id, error: error as Error })
  }
  if (again.size > 0) metrics.addMetric('ReturnedMessages', 'Count', again.size)
  countEnds(ended)
  const charged = ended.reduce((sum, { charge }) => sum + (charge ?? 0), 0)
  metrics.addMetric('ChargedTokens', 'Count', charged)
  return again
}

const ENDS = {
  completed: 'CompletedRequests',
  failed: 'FailedRequests',
  cancelled: 'CancelledRequests',
  expired: 'ExpiredRequests',
} as const

/** In all, and of each model, which is a line of the log each: one a batch. An event that is sent or delivered twice counts twice. */
function countEnds(ended: readonly Ended[]): void {
  const byMetric = Map.groupBy(ended, ({ status }) => ENDS[status as keyof typeof ENDS])
  for (const [name, ends] of byMetric) {
    ports.metrics.addMetric(name, 'Count', ends.length)
    for (const [model, { length }] of Map.groupBy(ends, end => end.model))
      ports.metrics.singleMetric().addDimension('model', model).addMetric(name, 'Count', length)
  }
}

export const handler = middy(handle)
  .use(injectLambdaContext(ports.logger))
  .use(rejectPlainly(ports.logger))
  .use(logMetrics(ports.metrics))
