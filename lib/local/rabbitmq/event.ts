import type { ConsumeMessage } from 'amqplib'

/** A message in the form in which Lambda's mapping of RabbitMQ passes it to a function. */
export interface RmqMessage {
  readonly basicProperties: Readonly<Record<string, unknown>>
  readonly redelivered: boolean
  /** The content of the message, as base64. */
  readonly data: string
}

export function messageOf({ content, properties, fields }: ConsumeMessage): RmqMessage {
  const { headers = {}, contentType, contentEncoding, deliveryMode, priority } = properties
  const { correlationId, replyTo, expiration, messageId, timestamp, type, userId, appId, clusterId } = properties
  return {
    basicProperties: {
      contentType: contentType ?? null,
      contentEncoding: contentEncoding ?? null,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerOf(value)])),
      deliveryMode: deliveryMode ?? 1,
      priority: priority ?? null,
      correlationId: correlationId ?? null,
      replyTo: replyTo ?? null,
      expiration: expiration ?? null,
      messageId: messageId ?? null,
      timestamp: timestamp === undefined ? null : new Date(timestamp * 1_000).toLocaleString('en-US'),
      type: type ?? null,
      userId: userId ?? null,
      appId: appId ?? null,
      clusterId: clusterId ?? null,
      bodySize: content.length,
    },
    redelivered: fields.redelivered,
    data: content.toString('base64'),
  }
}

/** Converts the value of a header to the form in Lambda's event. There, a text is a list of its bytes, also within lists and objects. */
function headerOf(value: unknown): unknown {
  if (typeof value === 'string') return { bytes: [...Buffer.from(value)] }
  if (Array.isArray(value)) return value.map(headerOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, headerOf(inner)]))
}

/** Makes the event for messages of one queue. */
export const eventOf = (brokerArn: string, queue: string, vhost: string, messages: readonly RmqMessage[]) => ({
  eventSource: 'aws:rmq',
  eventSourceArn: brokerArn,
  rmqMessagesByQueue: { [`${queue}::${vhost}`]: messages },
})

/** Returns about how many bytes a message takes in an event. */
export const sizeOf = (message: RmqMessage): number => JSON.stringify(message).length + 1
