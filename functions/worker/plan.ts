import type { SQSRecord } from 'aws-lambda'
import { queueName, RESULTS_QUEUE } from '../queue/names.ts'
import type { MessageQueue } from '../queue/port.ts'
import { unreadableEvent } from '../requests/events.ts'
import type { InferenceMessage } from '../requests/messages.ts'
import type { WorkerPorts } from './ports.ts'

export interface Received {
  readonly record: SQSRecord
  /** Undefined when nobody can read it. */
  readonly message: InferenceMessage | undefined
}

/** What an invocation does with each of its messages. */
export type Job =
  | { readonly act: 'run' | 'run alone' | 'postpone'; readonly record: SQSRecord; readonly message: InferenceMessage }
  | { readonly act: 'report'; readonly record: SQSRecord; readonly message: undefined }

/** All at once, unless one of them took a worker with it before: then that one alone, and the others another time. */
export function plan(received: readonly Received[]): Job[] {
  const dangerous = received.find(({ message }) => message?.alone)
  return received.map(one => {
    const { record, message } = one
    if (!message) return { act: 'report', record, message }
    if (dangerous) return { act: one === dangerous ? 'run alone' : 'postpone', record, message }
    return { act: received.length === 1 ? 'run alone' : 'run', record, message }
  })
}

/** Sends a message again as it is, so that its receive count tells of crashes only (I8). */
export const postpone = ({ queue }: { queue: MessageQueue }, message: InferenceMessage): Promise<void> =>
  queue.send(queueName(message.model, message.priority), { body: message, group: message.user_id })

/** What can't be read is no request of anybody's: the collector makes a dead letter of it. */
export const reportUnreadable = (
  { queue, clock }: Pick<WorkerPorts, 'queue' | 'clock'>,
  record: SQSRecord,
): Promise<void> =>
  queue.send(RESULTS_QUEUE, { body: unreadableEvent(record.messageId, record.body, clock()), group: 'unreadable' })
