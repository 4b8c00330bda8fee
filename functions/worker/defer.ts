import { type OutcomeOf, unreadableEvent } from '../core/domain/events.ts'
import { goesToBulk } from '../core/domain/gives-way.ts'
import type { Hints, InferenceMessage } from '../core/domain/messages.ts'
import type { DeferralReason, Permit } from '../core/flow-control/port.ts'
import type { MetricName } from '../core/platform/metrics/definitions.ts'
import { DEFERRED_BY } from '../core/platform/tracing/attributes.ts'
import { queueName, RESULTS_QUEUE } from '../core/queue/names.ts'
import type { Delivery } from '../core/queue/port.ts'
import type { WorkerPorts } from './ports.ts'
import { failedOutcome, publishOutcome } from './publish-outcome.ts'
import type { Claimed } from './types.ts'

type QueuePorts = Pick<WorkerPorts, 'queue' | 'clock'>

/**
 * Defers a message until a time: it is sent once more, with a delay. The worker does not leave the message to a
 * redelivery, because a redelivery increases the receive count. A request that only waits would then look like one that
 * fails again and again, and could become a dead letter (I8). The delay is in whole seconds, at least one, and at most
 * the longest delay of the queue.
 */
export function deferUntil({ queue, clock }: QueuePorts, message: InferenceMessage, until: number): Promise<void> {
  const seconds = Math.ceil((until - clock()) / 1000)
  return send(queue, message, Math.max(1, seconds))
}

/**
 * The shortest time between the delivery of a message and its slot, in milliseconds. Queues delay by whole seconds, so
 * the message is delivered 500 to 1,500 ms before its slot. In this time, the worker claims the request.
 */
const EARLY_MS = 500

/**
 * Defers a message until just before its slot, i.e. the time at which the rate limit allows its call. A slot lasts only
 * for a short time. A message that is delivered later would miss its slot, and would have to wait for another one.
 */
export function deferUntilSlot({ queue, clock }: QueuePorts, message: InferenceMessage, slot: number): Promise<void> {
  const seconds = Math.floor((slot - EARLY_MS - clock()) / 1000)
  return send(queue, message, Math.max(0, seconds))
}

/** Sends a message once more without a delay. */
export const resend = ({ queue }: Pick<WorkerPorts, 'queue'>, message: InferenceMessage): Promise<void> =>
  send(queue, message, 0)

function send(queue: WorkerPorts['queue'], message: InferenceMessage, seconds: number): Promise<void> {
  return queue.send(queueName(message.model, message.priority), {
    body: message,
    group: message.user_id,
    delay_seconds: Math.min(queue.capabilities.max_delay_seconds, seconds),
    ...(goesToBulk(message) && { gives_way: true }),
  })
}

/**
 * Returns the message with other hints (values that this delivery stores in the message for the next delivery). Removes
 * each hint whose new value is undefined.
 */
export function withHints(message: InferenceMessage, hints: Hints): InferenceMessage {
  const { hints: before, ...rest } = message
  const after = Object.entries({ ...before, ...hints }).filter(([, value]) => value !== undefined)
  return after.length === 0 ? rest : { ...rest, hints: Object.fromEntries(after) }
}

/** The deferral of a message whose call could not be made, in milliseconds. */
const NO_CALL_MS = 5_000

/**
 * Defers a message whose call could not be made. The slot is removed from its hints, because the slot will have passed
 * when the message is delivered again.
 */
export const deferCall = (ports: QueuePorts, message: InferenceMessage, hints: Hints): Promise<void> =>
  deferUntil(ports, withHints(message, { turn: undefined, ...hints }), ports.clock() + NO_CALL_MS)

/**
 * The metric for each reason of a deferral. The reason is not a label of one metric: metrics are log lines, and each
 * value of a label would need its own line. With separate metrics, all counts of an invocation fit into one line, which
 * costs less.
 */
const DEFERRED: Readonly<Record<DeferralReason, MetricName>> = {
  halted: 'DeferredByHalt',
  open: 'DeferredByCircuit',
  paused: 'DeferredByPause',
  'rate limited': 'DeferredByRateLimit',
  busy: 'DeferredByConcurrency',
}

/**
 * Defers a message until its call may be made. A call has one slot, even if it is for several messages. The first of
 * these messages has the slot in its hints. The others have no slot, and are deferred to the same time. So one slot
 * never allows two calls.
 */
export function deferForPermit(
  ports: WorkerPorts,
  message: InferenceMessage,
  permit: Permit,
  isFirst: boolean,
): Promise<void> {
  const reason = permit.granted ? 'rate limited' : permit.because
  ports.metrics.add(DEFERRED[reason], 1)
  ports.tracing.current().set({ [DEFERRED_BY]: reason })
  if (permit.granted)
    return deferUntilSlot(ports, withHints(message, { turn: isFirst ? permit.at : undefined }), permit.at)
  const { because, isInBacklog } = permit
  const isForEach = because === 'rate limited' || because === 'busy'
  const until = isForEach ? permit.until : spread(ports, permit.until)
  const hints = { turn: undefined, ...(isInBacklog ? { has_waited: true } : {}) }
  // A message is delivered at its request's deadline at the latest, so that a queued request expires on time. If the
  // deadline has already passed here, the request was running and its worker has crashed. A request that has started
  // does not expire, so its message waits for the whole time.
  const mayExpire = message.deadline > ports.clock()
  return deferUntil(ports, withHints(message, hints), mayExpire ? Math.min(until, message.deadline) : until)
}

/**
 * Messages that wait for the end of a halt, a pause or an open circuit get an additional random delay. Otherwise all of
 * them would be delivered at once, and their workers would ask for permits at the same moment. The longest additional
 * delay is this fraction of the wait, but at most `MAX_SPREAD_MS`.
 */
const SPREAD_FRACTION = 0.25
const MAX_SPREAD_MS = 5_000

const spread = ({ clock, random }: WorkerPorts, until: number): number =>
  until + random() * longestSpread(until - clock())

const longestSpread = (wait: number): number => Math.min(MAX_SPREAD_MS, SPREAD_FRACTION * wait)

/**
 * The longest time by which a deferred message is delivered late, in milliseconds, because queues delay by whole
 * seconds.
 */
const DELAY_ROUNDING_MS = 1_000

/**
 * Returns the time at which every message that waits for a halt or an open circuit has been delivered again, in epoch
 * milliseconds. A request whose call has just failed waits until then. Otherwise its next call would often be the next
 * probe (the single call that tests the model), and an outage would use up all attempts of this request.
 */
export function afterAllHeldUp(
  { flowControl, clock }: Pick<WorkerPorts, 'flowControl' | 'clock'>,
  userId: string,
): number {
  const [until, now] = [flowControl.heldUntil(userId) ?? 0, clock()]
  return until > now ? until + Math.ceil(longestSpread(until - now)) + DELAY_ROUNDING_MS : now
}

/**
 * Says that the item of a claimed request is queued again, but its message could not be sent. No worker holds the claim
 * any more, so the request must not be treated as claimed: its message is redelivered, and another worker may claim it.
 */
export class ReleasedClaim extends Error {
  override readonly name = 'ReleasedClaim'
}

/** The terms on which a claimed request is deferred. */
interface ClaimedDeferral {
  /** The request is not claimed again before this time, in epoch milliseconds. */
  readonly notBefore: number
  /** Whether a call was made. Without a call, the attempt of the claim is not counted (I8). */
  readonly spent: boolean
  /**
   * Whether a call has reached the model since the claim. If an earlier attempt has reached the model, the item already
   * says so.
   */
  readonly reached: boolean
  readonly send: (message: InferenceMessage) => Promise<void>
  /** The outcome if the owner has asked to cancel the request meanwhile. */
  readonly ifCancelled: OutcomeOf
}

/**
 * Defers a claimed request: its item is queued again first, then its message is sent. If the worker crashes between
 * these two steps, the old message is not acknowledged, so the queue redelivers it. Rejects with `ReleasedClaim` if the
 * send fails.
 */
export async function deferClaimed(
  ports: Pick<WorkerPorts, 'items' | 'queue' | 'settings' | 'tracing'>,
  { item, claim_id, message }: Claimed,
  { notBefore, spent, reached, send, ifCancelled }: ClaimedDeferral,
): Promise<void> {
  const attempt = spent ? item.attempt : item.attempt - 1
  const requeued = await ports.items.requeue(item, { claim_id, not_before: notBefore, attempt, reached })
  if (requeued === 'queued')
    await send(message).catch(cause => {
      throw new ReleasedClaim('the message of a deferred request could not be sent', { cause })
    })
  if (requeued === 'cancel requested') await publishOutcome(ports, message, ifCancelled)
}

/**
 * Defers a claimed request for which no call was made. Its item is again as it was before the claim, so the request
 * loses no attempt (I8).
 */
export function deferUncalled(
  ports: WorkerPorts,
  request: Claimed,
  send: (message: InferenceMessage) => Promise<void>,
): Promise<void> {
  const now = ports.clock()
  const failure = { code: 'model_unreachable', message: 'the model was not called', reached: false } as const
  return deferClaimed(ports, request, {
    notBefore: now,
    spent: false,
    reached: false,
    send,
    ifCancelled: failedOutcome(request, failure, { started_at: now, completed_at: now }),
  })
}

/**
 * Reports an unreadable message. The collector makes a dead letter of it, i.e. a row in Postgres that an operator sees.
 */
export const reportUnreadable = ({ queue, clock }: QueuePorts, { id, body }: Delivery): Promise<void> =>
  queue.send(RESULTS_QUEUE, { body: unreadableEvent(id, body, clock()), group: 'unreadable' })
