import { promptOf, unreadableEvent } from '../core/domain/events.ts'
import type { Status } from '../core/domain/item.ts'
import { type InferenceMessage, type ResultEvent, readAnyMessage } from '../core/domain/messages.ts'
import { failUndelivered } from '../core/lifecycle/fail-undelivered.ts'
import type { MetricName } from '../core/platform/metrics/definitions.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { BatchOutcome, Delivery, ReturnedDelivery } from '../core/queue/port.ts'
import { readMessage } from '../core/queue/read-message.ts'
import { type DeliverySpans, startDeliverySpans } from '../core/queue/trace-delivery.ts'
import { collect, type Ended, type SpanOf } from './collect.ts'
import { logEnd } from './log-end.ts'
import type { TakeResultsPorts } from './ports.ts'

/**
 * Takes the messages of one invocation: events of the results queue, and the inference messages of dead-letter queues.
 * An unreadable message becomes an `unreadable` event, and so a dead letter in Postgres. A message of a newer version
 * is redelivered, so that a newer collector can take it. Never rejects: only the messages that fail are redelivered.
 */
export async function takeResults(ports: TakeResultsPorts, deliveries: readonly Delivery[]): Promise<BatchOutcome> {
  const spans = startDeliverySpans(ports, deliveries)
  try {
    return await takeAll(ports, deliveries, spans)
  } finally {
    for (const delivery of deliveries) spans.of(delivery).end()
  }
}

async function takeAll(
  ports: TakeResultsPorts,
  deliveries: readonly Delivery[],
  spans: DeliverySpans,
): Promise<BatchOutcome> {
  const events = new Map<ResultEvent, Delivery>()
  const undelivered: { message: InferenceMessage; delivery: Delivery }[] = []
  const ofNewerVersion: Delivery[] = []
  for (const delivery of deliveries) {
    const found = readMessage(readAnyMessage, delivery, ports.logger)
    if (found.kind === 'unknown type') ofNewerVersion.push(delivery)
    else if (found.kind === 'unreadable')
      events.set(unreadableEvent(delivery.id, delivery.body, ports.clock()), delivery)
    else if (found.message.type === 'inference') undelivered.push({ message: found.message, delivery })
    else events.set(found.message, delivery)
  }
  if (ofNewerVersion.length > 0) ports.metrics.add('ReturnedMessages', ofNewerVersion.length)
  const stillRunning = await Promise.all(
    undelivered.map(async ({ message, delivery }) => {
      const isDone = await spans.of(delivery).run(() => failed(ports, message))
      return isDone ? [] : [delivery]
    }),
  )
  const failures = await collected(ports, [...events.keys()], event => {
    const delivery = events.get(event)
    return delivery ? spans.of(delivery) : ports.tracing.current()
  })
  const failedEvents = [...events].flatMap(([event, delivery]) => (failures.has(event) ? [delivery] : []))
  const away = [...events].flatMap(([event, delivery]) =>
    failures.get(event) instanceof Unavailable ? [delivery] : [],
  )
  await ports.queue.redeliverAfter?.(soon(away))
  return { redeliver: [...ofNewerVersion, ...stillRunning.flat(), ...failedEvents] }
}

/**
 * The delays before the redelivery of an event that failed because of an outage. The delay is `seconds` as long as the
 * event was received at most `receives` times. The first delays are short, so that clients see their results soon after
 * the ledger is back, also after an outage of an hour. But after 1,000 receives, the queue moves an event to its
 * dead-letter queue. An operator must then return it. So after the last entry, the queue's own delay applies. With this
 * delay, an event reaches 1,000 receives only after an outage of more than a day.
 */
const REDELIVERIES: readonly { readonly receives: number; readonly seconds: number }[] = [
  { receives: 40, seconds: 10 },
  { receives: 240, seconds: 25 },
]

const soon = (deliveries: readonly Delivery[]): ReturnedDelivery[] =>
  deliveries.flatMap(delivery => {
    const found = REDELIVERIES.find(({ receives }) => delivery.receive_count <= receives)
    return found ? [{ delivery, seconds: found.seconds }] : []
  })

/**
 * Ends the request of a message from a dead-letter queue as failed. Returns false if the message must be redelivered.
 */
async function failed(ports: TakeResultsPorts, message: InferenceMessage): Promise<boolean> {
  try {
    const prompt = ports.stores_prompts ? promptOf(message.body) : undefined
    return await failUndelivered(ports, message, ports.clock(), { prompt })
  } catch (error) {
    const { request_id } = message
    ports.logger.error('a message of a dead-letter queue could not be taken and will be redelivered', {
      request_id,
      error: error as Error,
    })
    ports.metrics.add('ReturnedMessages', 1)
    return false
  }
}

async function collected(
  ports: TakeResultsPorts,
  events: readonly ResultEvent[],
  spanOf: SpanOf,
): Promise<ReadonlyMap<ResultEvent, unknown>> {
  const { metrics, logger } = ports
  const { failures, ended } = await collect(ports, events, spanOf)
  for (const [event, error] of failures) {
    const requestId = 'request_id' in event ? event.request_id : undefined
    logger.error('an event could not be taken and will be redelivered', {
      type: event.type,
      request_id: requestId,
      error: error as Error,
    })
  }
  if (failures.size > 0) metrics.add('ReturnedMessages', failures.size)
  for (const end of ended) logEnd(logger, end)
  countEnds(ports, ended)
  const charged = ended.reduce((sum, { charge }) => sum + (charge ?? 0), 0)
  // Without an end there is nothing to report, and each log line costs money.
  if (ended.length > 0) metrics.add('ChargedTokens', charged)
  return failures
}

const END_METRICS: Partial<Record<Status, MetricName>> = {
  completed: 'CompletedRequests',
  failed: 'FailedRequests',
  cancelled: 'CancelledRequests',
  expired: 'ExpiredRequests',
}

/**
 * Counts the requests that have ended, and measures their durations. The duration of a redriven request is not
 * measured, because it includes the wait for an operator. An event that is sent or delivered twice is counted twice, so
 * these metrics may be a little too high. Charges are not affected.
 */
function countEnds({ metrics }: TakeResultsPorts, ended: readonly Ended[]): void {
  for (const { model, status, run, created_at, started_at, completed_at } of ended) {
    const name = END_METRICS[status]
    if (name) metrics.add(name, 1, model)
    if (run > 1) continue
    if (started_at !== undefined) metrics.add('QueueWait', secondsBetween(created_at, started_at), model)
    if (completed_at !== undefined) metrics.add('TimeToEnd', secondsBetween(created_at, completed_at), model)
  }
}

/**
 * Returns the seconds between two times, at least 0. The clocks of two functions may differ, so the end may seem to be
 * before the beginning.
 */
const secondsBetween = (from: number, to: number): number => Math.max(0, to - from) / 1_000
