import type { SQSRecord } from 'aws-lambda'
import { unreadableEvent } from '../core/domain/events.ts'
import type { Hints, InferenceMessage } from '../core/domain/messages.ts'
import { queueName, RESULTS_QUEUE } from '../core/queue/names.ts'
import { MAX_DELAY_SECONDS } from '../core/queue/port.ts'
import type { WorkerPorts } from './ports.ts'

/**
 * Puts a message back for later: it is sent again, since its receive count must not tell healthy waiting from crashes (I8).
 * It waits whole seconds, and as many as a queue can hold it back at most.
 */
export function sendLater(
  { queue, clock }: Pick<WorkerPorts, 'queue' | 'clock'>,
  message: InferenceMessage,
  until: number,
): Promise<void> {
  const seconds = Math.ceil((until - clock()) / 1000)
  return send(queue, message, Math.min(MAX_DELAY_SECONDS, Math.max(1, seconds)))
}

/** A message that has a turn comes back so much before it, or a second earlier. Milliseconds. */
const EARLY_MS = 500

/** Puts a message back until its turn: it must be there a little before, since the turn is soon over. */
export function sendForTurn(
  { queue, clock }: Pick<WorkerPorts, 'queue' | 'clock'>,
  message: InferenceMessage,
  turn: number,
): Promise<void> {
  const seconds = Math.floor((turn - EARLY_MS - clock()) / 1000)
  return send(queue, message, Math.min(MAX_DELAY_SECONDS, Math.max(0, seconds)))
}

/** Sends a message again as it is. */
export const sendNow = ({ queue }: Pick<WorkerPorts, 'queue'>, message: InferenceMessage): Promise<void> =>
  send(queue, message, 0)

function send(queue: WorkerPorts['queue'], message: InferenceMessage, delay_seconds: number): Promise<void> {
  return queue.send(queueName(message.model, message.priority), {
    body: message,
    group: message.user_id,
    delay_seconds,
  })
}

/** The message with other hints; those that say nothing leave no trace. */
export function withHints(message: InferenceMessage, hints: Hints): InferenceMessage {
  const { hints: before, ...rest } = message
  const after = Object.entries({ ...before, ...hints }).filter(([, value]) => value !== undefined)
  return after.length === 0 ? rest : { ...rest, hints: Object.fromEntries(after) }
}

/** What can't be read is no request of anybody's: the collector makes a dead letter of it. */
export const reportUnreadable = (
  { queue, clock }: Pick<WorkerPorts, 'queue' | 'clock'>,
  record: SQSRecord,
): Promise<void> =>
  queue.send(RESULTS_QUEUE, { body: unreadableEvent(record.messageId, record.body, clock()), group: 'unreadable' })
