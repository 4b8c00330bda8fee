import * as z from 'zod'

/**
 * A header's value. Lambda writes a text as an array of its bytes, and emulators of Lambda write it as a text. Both
 * forms are read.
 */
const Header = z.union([
  z.string(),
  z.object({ bytes: z.array(z.int()) }).transform(({ bytes }) => Buffer.from(new Uint8Array(bytes)).toString('utf8')),
  z.number().transform(String),
  z.boolean().transform(String),
])

/**
 * The headers whose values are texts, numbers or truth values. All others are left out: they are RabbitMQ's own lists
 * about dead letters, which are not needed.
 */
const Headers = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform(headers =>
    Object.fromEntries(
      Object.entries(headers ?? {}).flatMap(([name, value]) => {
        const { data } = Header.safeParse(value)
        return data === undefined ? [] : [[name, data]]
      }),
    ),
  )

const Property = z.string().nullish()

export const RmqMessage = z.object({
  basicProperties: z.object({
    contentType: Property,
    contentEncoding: Property,
    headers: Headers,
    correlationId: Property,
    replyTo: Property,
    messageId: Property,
    type: Property,
    appId: Property,
  }),
  /** Base64. */
  data: z.string(),
})
export type RmqMessage = z.infer<typeof RmqMessage>

/**
 * The event of Lambda's event source mapping for Amazon MQ with RabbitMQ. Its keys are `queue::vhost`, such as
 * `results::/`.
 */
export const RmqEvent = z.object({ rmqMessagesByQueue: z.record(z.string(), z.array(RmqMessage)) })
export type RmqEvent = z.infer<typeof RmqEvent>

export interface FromQueue {
  readonly queue: string
  readonly message: RmqMessage
}

/** Returns the messages of an event, each with the queue that it came from. */
export const messagesOf = ({ rmqMessagesByQueue }: RmqEvent): FromQueue[] =>
  Object.entries(rmqMessagesByQueue).flatMap(([key, messages]) => {
    const end = key.lastIndexOf('::')
    const queue = end === -1 ? key : key.slice(0, end)
    return messages.map(message => ({ queue, message }))
  })
