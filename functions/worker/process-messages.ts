import { readInferenceMessage } from '../core/domain/messages.ts'
import { serialize } from '../core/platform/serialize.ts'
import { requestAttributes } from '../core/platform/tracing/request-attributes.ts'
import type { BatchInvocation, BatchOutcome, Delivery } from '../core/queue/port.ts'
import { readMessage } from '../core/queue/read-message.ts'
import { startDeliverySpans } from '../core/queue/trace-delivery.ts'
import { hasTimeForCall, timeForCall } from './call-model.ts'
import { deferCall, reportUnreadable, resend } from './defer.ts'
import { endAfterDefect } from './end-after-defect.ts'
import { planBatch } from './plan-batch.ts'
import type { WorkerPorts } from './ports.ts'
import { processCall } from './process-call.ts'
import type { Invocation, Job, Planned, Received, Undone } from './types.ts'

/**
 * The longest time that a call may go on after Lambda has ended its function, in milliseconds. The leases of the
 * requests last until then, so that no other worker calls the model for the same request in the meantime.
 */
const LEASE_MARGIN_MS = 5_000

/** Processes the messages of one invocation. Never rejects: only the messages that fail are redelivered. */
export async function processMessages(
  ports: WorkerPorts,
  deliveries: readonly Delivery[],
  { ends_at }: BatchInvocation,
): Promise<BatchOutcome> {
  const spans = startDeliverySpans(ports, deliveries)
  const invocation = { ends_at, lease_until: ends_at + LEASE_MARGIN_MS, spans }
  const read = deliveries.map(delivery => ({
    delivery,
    found: readMessage(readInferenceMessage, delivery, ports.logger),
  }))
  const ofNewerVersion = read.flatMap(({ delivery, found }) => (found.kind === 'unknown type' ? [delivery] : []))
  const received = read.flatMap(({ delivery, found }): Received[] => {
    if (found.kind === 'unknown type') return []
    return [{ delivery, message: found.kind === 'message' ? found.message : undefined }]
  })
  for (const { delivery, message } of received) if (message) spans.of(delivery).set(requestAttributes(message))
  countTimeLeft(ports, received)
  const failed = await performAll(
    ports,
    planBatch(received, ports.settings.batched, ports.isolation !== undefined),
    invocation,
  )
  const redeliver = [...ofNewerVersion, ...failed]
  for (const delivery of redeliver) spans.of(delivery).fail('redelivered')
  for (const delivery of deliveries) spans.of(delivery).end()
  ports.metrics.add('DeliveredRequests', deliveries.length)
  if (redeliver.length > 0) ports.metrics.add('ReturnedMessages', redeliver.length)
  return { redeliver }
}

/**
 * A request has waited for long if this part of the time from its creation to its deadline is over. The alarm for long
 * waits begins at one half, so the metric has values before the alarm needs them.
 */
const LONG_WAIT = 0.25

/**
 * Records in a metric the shortest time that a request has left until its deadline, among the requests that have waited
 * for long. The queue's own metric can't show the age of a request, because a deferred message is a new message.
 * Usually no request has waited for long, and a metric without values costs nothing.
 */
function countTimeLeft({ metrics, clock }: WorkerPorts, received: readonly Received[]): void {
  const now = clock()
  const left = received.flatMap(({ message }) => {
    if (!message) return []
    const { created_at, deadline } = message
    return now - created_at < LONG_WAIT * (deadline - created_at) ? [] : [Math.max(0, deadline - now)]
  })
  if (left.length > 0) metrics.add('TimeLeft', Math.min(...left) / 1_000)
}

/** Performs jobs at the same time, or one after the other if `concurrency` or an isolated request demands it. */
async function performAll(ports: WorkerPorts, jobs: readonly Job[], invocation: Invocation): Promise<Delivery[]> {
  const perform = (job: Job) => performJob(ports, job, invocation)
  // With batches, `concurrency` limits the simultaneous invocations. So an invocation makes only one call at a time.
  // Otherwise the model would get more simultaneous calls than `concurrency` allows.
  const isSerial = ports.settings.batched || jobs.some(isIsolated)
  const serially = serialize()
  const failed = jobs.map(job => (isSerial ? serially(() => perform(job)) : perform(job)))
  return (await Promise.all(failed)).flat()
}

type Call = Extract<Job, { act: 'call' }>

const isIsolated = (job: Job): boolean => job.act === 'call' && job.requests.some(({ isolated }) => isolated)

/** Performs a job, and returns the deliveries that failed. */
async function performJob(ports: WorkerPorts, job: Job, invocation: Invocation): Promise<Delivery[]> {
  if (job.act === 'call') return callApart(ports, job, invocation)
  const span = invocation.spans.of(job.delivery)
  try {
    await span.run(() => performWithoutCall(ports, job))
    return []
  } catch (error) {
    ports.logger.error(REDELIVERED, { error: error as Error })
    return [job.delivery]
  }
}

function performWithoutCall(ports: WorkerPorts, job: Exclude<Job, Call>): Promise<void> {
  switch (job.act) {
    case 'resend':
      return resend(ports, job.message)
    case 'defer':
      return deferCall(ports, job.message, {})
    case 'report unreadable':
      return reportUnreadable(ports, job.delivery)
  }
}

const REDELIVERED = 'a message could not be processed and will be redelivered'

/**
 * Makes a call. If other invocations share the environment (process), the call of an isolated request is kept apart
 * from all other calls. If the call can't begin in time because of this, its messages are deferred.
 */
async function callApart(ports: WorkerPorts, job: Call, invocation: Invocation): Promise<Delivery[]> {
  const { requests } = job
  if (!ports.isolation) return call(ports, requests, invocation)
  const leave = await ports.isolation.enter(isIsolated(job), timeForCall(ports, invocation))
  if (!leave) return sendAgain(ports, requests, 'defer', invocation)
  try {
    return await call(ports, requests, invocation)
  } finally {
    leave()
  }
}

async function sendAgain(
  ports: WorkerPorts,
  requests: readonly Planned[],
  act: 'resend' | 'defer',
  invocation: Invocation,
): Promise<Delivery[]> {
  const resent = requests.map(request => performJob(ports, { act, ...request }, invocation))
  return (await Promise.all(resent)).flat()
}

async function call(ports: WorkerPorts, requests: readonly Planned[], invocation: Invocation): Promise<Delivery[]> {
  // Earlier calls of the same invocation may have left no time for this one. Then its messages are sent again, for
  // another invocation.
  if (!hasTimeForCall(ports, invocation)) return sendAgain(ports, requests, 'resend', invocation)
  const undone = await processCall(ports, requests, invocation)
  const failed = undone.map(async one => {
    const { delivery } = one.request
    const isDone = await invocation.spans.of(delivery).run(() => hasEnded(ports, one))
    return isDone ? [] : [delivery]
  })
  return (await Promise.all(failed)).flat()
}

/**
 * Logs why a request was not processed. Returns whether its message may be acknowledged nevertheless, because the
 * request was ended as failed after a defect.
 */
async function hasEnded(ports: WorkerPorts, undone: Undone): Promise<boolean> {
  const { request, error } = undone
  const { request_id } = request.message
  ports.logger.error(REDELIVERED, { request_id, error: error as Error })
  try {
    return await endAfterDefect(ports, undone)
  } catch (failure) {
    ports.logger.error('a request could not be ended after a defect', { request_id, error: failure as Error })
    return false
  }
}
