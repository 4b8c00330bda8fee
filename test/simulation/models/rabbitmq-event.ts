import type { RabbitMessage } from './rabbitmq.ts'

/** The event of Lambda's mapping: the body is base64, and a text in a header is its bytes. */
export const rmqEvent = (queue: string, messages: readonly RabbitMessage[]): unknown => ({
  eventSource: 'aws:rmq',
  rmqMessagesByQueue: { [`${queue}::/`]: messages.map(toRmqMessage) },
})

const toRmqMessage = ({ body, options }: RabbitMessage): unknown => ({
  basicProperties: {
    contentType: options.contentType ?? null,
    contentEncoding: null,
    headers: headersOf(options.headers ?? {}),
    messageId: options.messageId ?? null,
    bodySize: Buffer.byteLength(body),
  },
  redelivered: false,
  data: Buffer.from(body).toString('base64'),
})

const headersOf = (headers: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? { bytes: [...Buffer.from(value)] } : value,
    ]),
  )
