import { randomUUID } from 'node:crypto'
import { toAsciiJson } from '../../domain/text.ts'
import { Defect } from '../../platform/unavailable.ts'
import type { OutgoingMessage, QueueBackend } from '../port.ts'
import { MAX_MESSAGE_BYTES, RABBITMQ_CAPABILITIES } from './capabilities.ts'
import { delayedRoute } from './delays.ts'
import type { Publication } from './link.ts'

/** Chooses the queue that gets a message. The messages for one queue may be divided among several queues, one per consumer. */
export type ChooseQueue = (queue: string, message: OutgoingMessage) => string

/** Sends messages to queues of RabbitMQ. Each message is persistent, and the broker confirms it. */
export function rabbitMqQueue(
  prefix: string,
  publish: (publication: Publication) => Promise<void>,
  choose: ChooseQueue = queue => queue,
): QueueBackend {
  const wholeName = (queue: string, message: OutgoingMessage) => prefix + choose(queue, message)
  return {
    capabilities: RABBITMQ_CAPABILITIES,
    wholeName,
    send: async (queue, message) => publish(publicationOf(prefix, wholeName(queue, message), message)),
  }
}

function publicationOf(prefix: string, name: string, message: OutgoingMessage): Publication {
  const { body, delay_seconds = 0, attributes } = message
  const content = Buffer.from(toAsciiJson(body))
  if (content.length > MAX_MESSAGE_BYTES) throw new Defect('the queue', new Error('a message is larger than 1 MiB'))
  return {
    ...(delay_seconds > 0 ? delayedRoute(prefix, name, delay_seconds) : { exchange: '', key: name }),
    content,
    options: {
      messageId: randomUUID(),
      contentType: 'application/json',
      ...(attributes && { headers: { ...attributes } }),
    },
  }
}
