import { randomUUID } from 'node:crypto'
import { DEAD_LETTERS, RESULTS_QUEUE, UNDELIVERED } from '../names.ts'
import type { BatchOutcome, Delivery, QueueReceiver, Redelivery } from '../port.ts'
import { delayedRoute } from './delays.ts'
import { type FromQueue, messagesOf, RmqEvent, type RmqMessage } from './event.ts'
import type { Publication } from './link.ts'

/** The header with the number of times that functions have sent a message again because they could not process it. */
export const RETURNS = 'x-sluice-returns'

/**
 * The delay after which a message that a function could not process is delivered again, in seconds. It is about as long
 * as SQS hides a message, so that an operator has the same time to correct a defect with both backends. As a power of
 * two, it needs only one delay queue.
 */
const RETURN_SECONDS = 64

/**
 * The delay of a result that could not be processed, in seconds. It is longer than the delay of other messages, as with
 * SQS. So a result moves to the dead-letter queue of the results only if the ledger can't be reached for more than a
 * day.
 */
const RESULT_RETURN_SECONDS = 150

/**
 * The number of deliveries after which a message that was returned each time moves to its dead-letter queue, as with
 * SQS. This takes more than half a day, so an outage of some hours moves no message there.
 */
const MAX_DELIVERIES = 1_000

/** Matches the queues of a model within the deployment, including the numbered ones (`-2` and so on) that share its messages. */
const OF_MODEL = /^inference-.+-(?:high|normal)(?:-\d+)?$/

/**
 * Returns the whole name of the dead-letter queue of a queue. Returns undefined for a dead-letter queue, whose messages
 * stay in it.
 */
function deadLettersOf(prefix: string, queue: string): string | undefined {
  if (queue.endsWith(DEAD_LETTERS)) return undefined
  const isOfModel = queue.startsWith(prefix) && OF_MODEL.test(queue.slice(prefix.length))
  return isOfModel ? prefix + UNDELIVERED : queue + DEAD_LETTERS
}

/**
 * Receives from Lambda's event source mapping for RabbitMQ. The mapping acknowledges a whole batch when its function
 * returns, and delivers the whole batch again when the function fails. So if some messages of a batch must be
 * redelivered, the receiver sends copies of them to their queue before the function returns.
 *
 * If the function stops after it has sent a message again, this message exists twice, and the other messages of the
 * batch are delivered again. This does no harm, because a request can be claimed only once, and its item accepts only
 * one outcome.
 */
export function rabbitMqReceiver(
  prefix: string,
  publish: (publication: Publication) => Promise<void>,
): QueueReceiver<unknown, Promise<void>> & Redelivery {
  const sources = new WeakMap<Delivery, FromQueue>()
  const wishes = new WeakMap<Delivery, number>()
  return {
    deliveries: event =>
      messagesOf(RmqEvent.parse(event)).flatMap(from => {
        const delivery = toDelivery(from)
        if (!delivery) return []
        sources.set(delivery, from)
        return [delivery]
      }),
    // This only notes the delays. The messages are sent at the end of the batch, in `response`.
    redeliverAfter: async messages => {
      for (const { delivery, seconds } of messages) wishes.set(delivery, seconds)
    },
    response: async ({ redeliver }: BatchOutcome, event) => {
      const again = redeliver.flatMap(delivery => {
        const from = sources.get(delivery)
        return from ? [returned(prefix, from, delivery.receive_count, wishes.get(delivery))] : []
      })
      const nameless = messagesOf(RmqEvent.parse(event)).filter(({ message }) => !message.basicProperties.messageId)
      await Promise.all([...again, ...nameless.map(named)].map(publish))
    },
  }
}

/** Makes the delivery of a message. Returns undefined for a message without an id, because it must get an id first. */
function toDelivery({ queue, message: { basicProperties, data } }: FromQueue): Delivery | undefined {
  const { messageId, headers } = basicProperties
  if (!messageId) return undefined
  return {
    id: messageId,
    queue,
    body: textOf(data),
    attributes: headers,
    receive_count: 1 + (Number(headers[RETURNS]) || 0),
  }
}

const textOf = (data: string): string => Buffer.from(data, 'base64').toString('utf8')

const returnSeconds = (prefix: string, queue: string): number =>
  queue === prefix + RESULTS_QUEUE ? RESULT_RETURN_SECONDS : RETURN_SECONDS

function returned(
  prefix: string,
  from: FromQueue,
  deliveries: number,
  seconds = returnSeconds(prefix, from.queue),
): Publication {
  const { queue, message } = from
  const deadLetters = deadLettersOf(prefix, queue)
  if (deliveries >= MAX_DELIVERIES && deadLetters !== undefined) return movedTo(deadLetters, from, { [RETURNS]: 0 })
  return {
    ...delayedRoute(prefix, queue, seconds),
    ...copyOf(message, message.basicProperties.messageId ?? randomUUID(), { [RETURNS]: deliveries }),
  }
}

/** Returns a message as it is sent to another queue, which has this whole name. */
export const movedTo = (
  queue: string,
  { message }: FromQueue,
  headers: Readonly<Record<string, number>> = {},
): Publication => ({
  exchange: '',
  key: queue,
  ...copyOf(message, message.basicProperties.messageId ?? randomUUID(), headers),
})

/**
 * Returns a copy of a message that came without an id, with a new id, for the queue that the message came from. Other
 * systems that send to an input queue may leave the id out. But Sluice recognizes a message that is delivered again by
 * its id. Without an id, a redelivered message would become a second request, and would be charged twice. So a message
 * without an id is not handled: it is sent again with one.
 */
const named = ({ queue, message }: FromQueue): Publication => ({
  exchange: '',
  key: queue,
  ...copyOf(message, randomUUID(), {}),
})

/**
 * Returns the headers that a copy of a message keeps. The broker's own headers, such as those about dead letters, are
 * left out, because a copy is a new message.
 */
export const headersOfCopy = <Value>(headers: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^x-(?!sluice-)/.test(name)))

function copyOf(
  { basicProperties, data }: RmqMessage,
  messageId: string,
  more: Readonly<Record<string, number>>,
): Pick<Publication, 'content' | 'options'> {
  const { headers, contentType, contentEncoding, correlationId, replyTo, type, appId } = basicProperties
  return {
    content: Buffer.from(data, 'base64'),
    options: {
      messageId,
      headers: { ...headersOfCopy(headers), ...more },
      ...textsIn({ contentType, contentEncoding, correlationId, replyTo, type, appId }),
    },
  }
}

const textsIn = (properties: Readonly<Record<string, string | null | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(properties).flatMap(([name, value]) => (value ? [[name, value]] : [])))
