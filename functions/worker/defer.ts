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
 * Defers a message until a time: it is sent once more, with a delay. A redelivery would not do, since the receive count
 * must not mistake a healthy wait for a crash (I8). The delay is in whole seconds, at least one, at most what the queue can do.
 */
export function deferUntil({ queue, clock }: QueuePorts, message: InferenceMessage, until: number): Promise<void> {
  const seconds = Math.ceil((until - clock()) / 1000)
  return send(queue, message, Math.max(1, seconds))
}

/** A deferred message returns 500 to 1,500 ms before its slot. */
const EARLY_MS = 500

/** Defers a message until just before its slot in the rate limit, since the slot is soon over. */
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

/** Returns the message with other hints. A hint that is undefined is removed. */
export function withHints(message: InferenceMessage, hints: Hints): InferenceMessage {
  const { hints: before, ...rest } = message
  const after = Object.entries({ ...before, ...hints }).filter(([, value]) => value !== undefined)
  return after.length === 0 ? rest : { ...rest, hints: Object.fromEntries(after) }
}

/** A message is deferred for so long when its call could not be made. Milliseconds. */
const NO_CALL_MS = 5_000

/** Defers a message whose call could not be made. A slot that it had is over by then. */
export const deferCall = (ports: QueuePorts, message: InferenceMessage, hints: Hints): Promise<void> =>
  deferUntil(ports, withHints(message, { turn: undefined, ...hints }), ports.clock() + NO_CALL_MS)

/** A metric per reason, and not a label: so all counts of an invocation are one log line. */
const DEFERRED: Readonly<Record<DeferralReason, MetricName>> = {
  halted: 'DeferredByHalt',
  open: 'DeferredByCircuit',
  paused: 'DeferredByPause',
  'rate limited': 'DeferredByRateLimit',
  busy: 'DeferredByConcurrency',
}

/**
 * Defers a message until its call may be made. A call has one slot: the first of its messages takes the slot along, and the
 * others return with it.
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
  // A queued request returns at its deadline, to expire. A running one, whose worker is gone, does not expire by its deadline.
  const mayExpire = message.deadline > ports.clock()
  return deferUntil(ports, withHints(message, hints), mayExpire ? Math.min(until, message.deadline) : until)
}

/** When a circuit closes or a halt ends, the deferred messages return spread over this fraction of the wait, and over so many milliseconds at most. */
const SPREAD_FRACTION = 0.25
const MAX_SPREAD_MS = 5_000

const spread = ({ clock, random }: WorkerPorts, until: number): number =>
  until + random() * longestSpread(until - clock())

const longestSpread = (wait: number): number => Math.min(MAX_SPREAD_MS, SPREAD_FRACTION * wait)

/** A deferred message returns up to so much late, since queues count in seconds. Milliseconds. */
const DELAY_ROUNDING_MS = 1_000

/**
 * Returns the time after which every message that a halt or an open circuit holds up has returned, epoch milliseconds.
 * A request whose call has just failed waits until then. Otherwise it would often be the next probe again, and an
 * outage would use up all its attempts.
 */
export function afterAllHeldUp(
  { flowControl, clock }: Pick<WorkerPorts, 'flowControl' | 'clock'>,
  userId: string,
): number {
  const [until, now] = [flowControl.heldUntil(userId) ?? 0, clock()]
  return until > now ? until + Math.ceil(longestSpread(until - now)) + DELAY_ROUNDING_MS : now
}

/** The item of a claimed request is queued again, but its message could not be sent. Nobody holds the claim any more. */
export class ReleasedClaim extends Error {
  override readonly name = 'ReleasedClaim'
}

/** How a claimed request is deferred. */
interface ClaimedDeferral {
  /** The request is not run again before this time, epoch milliseconds. */
  readonly notBefore: number
  /** Whether a call was made. If not, no attempt is spent (I8). */
  readonly spent: boolean
  /** Whether a call has reached the model since the claim. The item keeps what an earlier attempt has reached. */
  readonly reached: boolean
  readonly send: (message: InferenceMessage) => Promise<void>
  /** The outcome if the owner has asked to cancel the request meanwhile. */
  readonly ifCancelled: OutcomeOf
}

/**
 * Defers a claimed request: its item is queued again first, then its message is sent. After a crash between the two, the
 * message that was not acknowledged repairs it. A waiting request costs nothing. Rejects with `ReleasedClaim` if the send fails.
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

/** Defers a claimed request that no call was made for: it is as before its claim (I8). */
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

/** Reports a message that nobody can read. The collector makes a dead letter of it. */
export const reportUnreadable = ({ queue, clock }: QueuePorts, { id, body }: Delivery): Promise<void> =>
  queue.send(RESULTS_QUEUE, { body: unreadableEvent(id, body, clock()), group: 'unreadable' })
