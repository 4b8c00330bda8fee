import type { Channel, Options } from 'amqplib'
import type { Publication } from '../../../functions/core/queue/rabbitmq/link.ts'
import { createRoutes } from './rabbitmq-routes.ts'

/** A message in a queue of RabbitMQ. */
export interface RabbitMessage {
  /** The id of the message in this model. A copy of a message has another id. */
  readonly id: string
  readonly key: string
  readonly body: string
  readonly options: Partial<Options.Publish>
  /** The end of the message's time to live in epoch milliseconds. In a queue without a time to live: the time of its arrival. */
  visible_at: number
  /** The number of deliveries without an acknowledgement. */
  returns: number
  /** True if the message is delivered and not yet acknowledged. */
  is_held: boolean
}

export interface RabbitQueue {
  readonly name: string
  readonly ttl_ms: number | undefined
  readonly dead_letters: { readonly exchange: string; readonly key: string | undefined } | undefined
  readonly delivery_limit: number
  /** The messages in the order of delivery. */
  readonly messages: Map<string, RabbitMessage>
}

/** The error of `publish` for a message that no queue takes. A real broker would return the message to its sender, and then confirm it. */
export class Unroutable extends Error {
  override readonly name = 'Unroutable'
}

export interface RabbitMqModel {
  /** All queues. A message whose time to live has ended is already in its next queue. */
  readonly queues: ReadonlyMap<string, RabbitQueue>
  /** A channel that declares exchanges, queues and bindings immediately. */
  readonly channel: Channel
  /** Puts a message into its queues. Throws `Unroutable` if there is none. */
  publish(publication: Publication): void
  /** Puts a message into a queue, as a producer does that publishes to the name of the queue. */
  put(queue: string, body: string, options?: Partial<Options.Publish>): string
  /** The messages that can be delivered now, in the order of their delivery. */
  ready(queue: string): readonly RabbitMessage[]
  /** Delivers the first messages. They stay in the queue until they are acknowledged or returned. */
  deliver(queue: string, count: number): readonly RabbitMessage[]
  acknowledge(queue: string, messages: readonly RabbitMessage[]): void
  /** Takes back messages that were rejected or whose connection was lost. A message that was returned too often becomes a dead letter. */
  requeue(queue: string, messages: readonly RabbitMessage[]): void
  /** Makes a dead letter of a message, as after too many deliveries. */
  moveToDeadLetters(queue: string, message: RabbitMessage): void
}

interface Means {
  readonly clock: () => number
  readonly onPut?: (queue: string, body: string) => void
  /** The most returns of a message to its queue, unless the queue's own limit is lower. With a small number, many messages become dead letters. */
  readonly maxReturns?: number
}

/**
 * A model of RabbitMQ's quorum queues. Messages have a time to live and a limit of deliveries. When one of them is reached, a message moves to the
 * next queue at least once, so it is never lost, but it may arrive twice.
 */
export function rabbitMqModel({
  clock,
  onPut = () => {},
  maxReturns = Number.POSITIVE_INFINITY,
}: Means): RabbitMqModel {
  const all = new Map<string, RabbitQueue>()
  const declared = new Map<string, string>()
  const routes = createRoutes(name => all.has(name))
  let sent = 0

  function add(queue: RabbitQueue, from: Pick<RabbitMessage, 'key' | 'body' | 'options'>, at: number): string {
    const { key, body, options } = from
    const id = `m${++sent}`
    onPut(queue.name, body)
    queue.messages.set(id, { id, key, body, options, visible_at: at + (queue.ttl_ms ?? 0), returns: 0, is_held: false })
    return id
  }

  /** Moves a message to the dead-letter queue. If no queue takes it, it stays in its own queue, so that it is not lost. Returns true if it was moved. */
  function deadLetter(queue: RabbitQueue, message: RabbitMessage, at: number): boolean {
    const { dead_letters } = queue
    if (!dead_letters) return false
    const key = dead_letters.key ?? message.key
    const targets = routes.route(dead_letters.exchange, key)
    for (const name of targets) addTo(name, { ...message, key }, at)
    if (targets.size > 0) queue.messages.delete(message.id)
    return targets.size > 0
  }

  const addTo = (name: string, message: Pick<RabbitMessage, 'key' | 'body' | 'options'>, at: number): void => {
    const queue = all.get(name)
    if (queue) add(queue, message, at)
  }

  /**
   * Moves each message whose time to live has ended to its next queue. As in RabbitMQ, only the first message of a queue can expire. The
   * message that expired first moves first, so that messages reach their next queues in the right order. If no queue takes a message,
   * the message stays, and the messages behind it in its queue wait.
   */
  function expire(): void {
    const stuck = new Set<RabbitQueue>()
    for (;;) {
      const due = [...all.values()].flatMap(queue => {
        const [first] = queue.ttl_ms === undefined || stuck.has(queue) ? [] : queue.messages.values()
        return first && first.visible_at <= clock() ? [{ queue, first }] : []
      })
      const [earliest] = due.toSorted((a, b) => a.first.visible_at - b.first.visible_at)
      if (!earliest) return
      if (!deadLetter(earliest.queue, earliest.first, earliest.first.visible_at)) stuck.add(earliest.queue)
    }
  }

  const queues = () => {
    expire()
    return all
  }
  const existing = (name: string): RabbitQueue => {
    const queue = queues().get(name)
    if (!queue) throw new Error(`NOT_FOUND - no queue ${name}`)
    return queue
  }
  const ready = (name: string) =>
    existing(name).ttl_ms === undefined ? [...existing(name).messages.values()].filter(({ is_held }) => !is_held) : []

  const channel = {
    assertExchange: async (name: string, type: string) => routes.declare(name, type),
    checkExchange: async (name: string) => {
      if (!routes.hasExchange(name)) throw new Error(`NOT_FOUND - no exchange ${name}`)
    },
    assertQueue: async (name: string, { arguments: args = {} }: Options.AssertQueue = {}) => {
      const text = JSON.stringify(args)
      if ((declared.get(name) ?? text) !== text) throw new Error(`PRECONDITION_FAILED - inequivalent arg for ${name}`)
      declared.set(name, text)
      if (!all.has(name)) all.set(name, queueOf(name, args))
    },
    bindQueue: async (queue: string, exchange: string, pattern: string) =>
      routes.bind(exchange, pattern, { kind: 'queue', name: queue }),
    bindExchange: async (destination: string, source: string, pattern: string) =>
      routes.bind(source, pattern, { kind: 'exchange', name: destination }),
  }

  return {
    get queues() {
      return queues()
    },
    channel: channel as unknown as Channel,
    publish: ({ exchange, key, content, options, mayBeDropped = false }) => {
      expire()
      const targets = routes.route(exchange, key)
      if (targets.size === 0 && !mayBeDropped) throw new Unroutable(`no queue for ${key}`)
      for (const name of targets) addTo(name, { key, body: content.toString(), options }, clock())
    },
    put: (name, body, options = {}) => add(existing(name), { key: name, body, options }, clock()),
    ready,
    deliver: (name, count) => {
      const batch = ready(name).slice(0, count)
      for (const message of batch) message.is_held = true
      return batch
    },
    acknowledge: (name, messages) => {
      for (const { id } of messages) existing(name).messages.delete(id)
    },
    requeue: (name, messages) => {
      const queue = existing(name)
      for (const message of messages) {
        message.is_held = false
        message.returns += 1
        const isOver = message.returns > Math.min(queue.delivery_limit, maxReturns)
        if (isOver) deadLetter(queue, message, clock())
      }
    },
    moveToDeadLetters: (name, message) => void deadLetter(existing(name), message, clock()),
  }
}

function queueOf(name: string, args: Readonly<Record<string, unknown>>): RabbitQueue {
  const exchange = args['x-dead-letter-exchange']
  const key = args['x-dead-letter-routing-key']
  const ttl = args['x-message-ttl']
  const limit = args['x-delivery-limit']
  return {
    name,
    ttl_ms: typeof ttl === 'number' ? ttl : undefined,
    dead_letters:
      typeof exchange === 'string' ? { exchange, key: typeof key === 'string' ? key : undefined } : undefined,
    delivery_limit: typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY,
    messages: new Map(),
  }
}
