import type { ConsumeMessage } from 'amqplib'
import { Defect, reaching } from '../../functions/core/platform/unavailable.ts'
import { bulkOf } from '../../functions/core/queue/names.ts'
import { rabbitMqAnnouncer } from '../../functions/core/queue/rabbitmq/announce.ts'
import { brokerConnection } from '../../functions/core/queue/rabbitmq/connection.ts'
import { type Link, LinkClosed, type Publication } from '../../functions/core/queue/rabbitmq/link.ts'
import { chooseByUser } from '../../functions/core/queue/rabbitmq/parts.ts'
import { rabbitMqQueue } from '../../functions/core/queue/rabbitmq/queue.ts'
import { rabbitMqReceiver } from '../../functions/core/queue/rabbitmq/receiver.ts'
import { TEAM_EXCHANGE } from '../../functions/core/queue/rabbitmq/team-exchange.ts'
import { declareTopology } from '../../functions/core/queue/rabbitmq/topology.ts'
import { eventOf, messageOf } from '../../lib/local/rabbitmq/event.ts'
import { type Invocation, ServiceFault } from './invocation.ts'
import { type RabbitMessage, type RabbitMqModel, rabbitMqModel, Unroutable } from './models/rabbitmq.ts'
import type { Batch, Mappings, Queues, Sent } from './queues.ts'
import { evenly } from './random.ts'
import { BULK_QUEUES, INPUT_QUEUE, QUEUES, WORK_QUEUES } from './settings.ts'
import type { World } from './world.ts'

/** If a message returns to its queue more often than this, it goes to the dead-letter queue. Messages of crashing functions reach this small number. */
const MAX_RETURNS = 4

/** Queues have no prefix in the simulation. */
const PREFIX = ''

/** A batch that an event source mapping has received over its connection. If the connection is lost, the broker takes the batch back. */
interface Held {
  readonly batch: Batch
  readonly messages: readonly RabbitMessage[]
  by?: Invocation
}

/** Queues of RabbitMQ, with Lambda's event source mappings. Each mapping handles one batch at a time, and a batch succeeds or fails as a whole. */
export function rabbitMqQueues(world: World, onPut: (queue: string, body: string) => void): Queues {
  const broker = rabbitMqModel({ clock: world.clock, onPut, maxReturns: MAX_RETURNS })
  const removed = new Set<string>()
  const held = new Map<string, Held>()
  const announced: string[] = []

  /** Returns a batch to the broker, after a lost connection or a rejection. */
  function giveBack(one: Held): void {
    if (held.get(one.batch.queue) !== one) return
    held.delete(one.batch.queue)
    broker.requeue(one.batch.queue, one.messages)
  }
  /** Returns the batches of crashed functions to the broker, as a mapping does at once after a crash. */
  function giveBackCrashed(): void {
    for (const one of held.values()) if (one.by?.state === 'killed') giveBack(one)
  }
  const heldAs = ({ queue, messages }: Batch): Held | undefined => {
    const one = held.get(queue)
    return one?.batch.messages === messages ? one : undefined
  }
  function hold(queue: string, size: number): Batch {
    const messages = broker.deliver(queue, size)
    const batch = { queue, messages }
    held.set(queue, { batch, messages })
    return batch
  }

  const mappings: Mappings = {
    ready: hasRoom => {
      giveBackCrashed()
      return [...broker.queues.keys()].filter(
        name => !removed.has(name) && !held.has(name) && hasRoom(name) && broker.ready(name).length > 0,
      )
    },
    take: (queue, batch, choices) => hold(queue, choices.of([[3, batch], ...evenly([1, 2])])),
    takeOldest: hold,
    start: (batch, by) => {
      const one = heldAs(batch)
      if (one) one.by = by
      return eventOf('broker', batch.queue, '/', (one?.messages ?? []).map(toConsumed).map(messageOf))
    },
    end: (batch, _by, end) => {
      const one = heldAs(batch)
      if (!one) return undefined
      if ('error' in end) {
        giveBack(one)
        return undefined
      }
      const effect = () => {
        if (held.get(batch.queue) !== one) return
        held.delete(batch.queue)
        broker.acknowledge(batch.queue, one.messages)
      }
      return { label: `acknowledges ${batch.messages.map(({ id }) => id)}`, effect, ifLost: () => giveBack(one) }
    },
  }

  return {
    backend: 'rabbitmq',
    open: () => declareAll(broker),
    get stored() {
      return broker.queues
    },
    mappings,
    disturbances: {
      // A message is published twice if its confirm was lost. A dead letter may also reach its queue twice.
      'is doubled': (queue, { id }) => {
        const message = broker.queues.get(queue)?.messages.get(id)
        if (message && !queue.startsWith(INPUT_QUEUE) && broker.ready(queue).length > 0)
          broker.put(queue, message.body, message.options)
      },
      'is moved to the dead letters': (queue, { id }) => {
        const message = broker.queues.get(queue)?.messages.get(id)
        if (message && !message.is_held && [...WORK_QUEUES, ...BULK_QUEUES, INPUT_QUEUE].includes(queue))
          broker.moveToDeadLetters(queue, message)
      },
      // The function goes on with its batch, and the broker delivers the same batch to another invocation. No request may be charged twice then.
      'is on a connection that is lost': queue => {
        const one = held.get(queue)
        if (one) giveBack(one)
      },
    },
    put: (queue, body, id) => {
      const messageId = id ?? `p${world.turn()}`
      broker.put(queue, body, { messageId })
      return messageId
    },
    // The queue and its messages stay, but no function receives them.
    remove: queue => {
      for (const one of [queue, bulkOf(queue), `${queue}-dlq`]) removed.add(one)
    },
    create: queue => {
      for (const one of [queue, bulkOf(queue), `${queue}-dlq`]) removed.delete(one)
    },
    isServed: queue => !removed.has(queue),
    announced,
    adapter: (calling, onSend) => {
      const execute = (command: unknown): void => {
        const publication = command as Publication
        if (publication.exchange === TEAM_EXCHANGE) announced.push(String(publication.content))
        else onSend(sentOf(publication))
        broker.publish(publication)
      }
      const publishing = calling(() => 'queue', execute, false)
      const open = async () => linkTo(publishing)
      const { publish } = brokerConnection({ url: 'amqp://broker', credentials: never }, open)
      const queue = { ...rabbitMqQueue(PREFIX, publish, chooseByUser(1)), announce: rabbitMqAnnouncer(publish) }
      const count = calling(
        () => 'queue',
        command => broker.ready((command as Count).count).length,
        false,
      )
      const countMessages = (name: string) => reaching('the queue', async () => Number(await count({ count: name })))
      return { queue, receiver: rabbitMqReceiver(PREFIX, publish), mover: { publish, countMessages } }
    },
  }
}

/** A command that asks how many messages of a queue can be delivered. The mover reads this number before it moves messages. */
interface Count {
  readonly count: string
}

async function declareAll(broker: RabbitMqModel): Promise<void> {
  const link = { onChannel: (work: Parameters<Link['onChannel']>[0]) => work(broker.channel) } as Link
  const queues = Object.keys(QUEUES).flatMap(name => [{ name, dead_letters: `${name}-dlq` }, { name: `${name}-dlq` }])
  const bulk = WORK_QUEUES.map(name => ({ name: bulkOf(name), dead_letters: `${name}-dlq` }))
  await declareTopology(link, { prefix: PREFIX, queues: [...queues, ...bulk] })
}

/** The connection of one environment. A fault of one publication closes it. All unconfirmed publications then fail, but their messages may arrive. */
function linkTo(publishing: (publication: Publication) => Promise<unknown>): Link {
  let closed: Error | undefined
  const pending = new Set<(error: unknown) => void>()

  function close(error: Error): void {
    closed ??= error
    for (const reject of pending) reject(new LinkClosed(closed))
    pending.clear()
  }
  async function publish(publication: Publication): Promise<void> {
    if (closed) throw new LinkClosed(closed)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    pending.add(reject)
    publishing(publication).then(resolve, error => {
      if (error instanceof ServiceFault) close(error)
      reject(error instanceof Unroutable ? new Defect('the queue', error) : error)
    })
    await promise.finally(() => pending.delete(reject))
  }
  return {
    get isClosed() {
      return closed !== undefined
    },
    isAlive: async () => closed === undefined,
    publish,
    onChannel: never,
    close: async () => {},
  }
}

const never = (): never => {
  throw new Error('a function only publishes')
}

const toConsumed = ({ body, options, returns }: RabbitMessage): ConsumeMessage =>
  ({
    content: Buffer.from(body),
    properties: { headers: {}, ...options },
    fields: { redelivered: returns > 0 },
  }) as unknown as ConsumeMessage

/** Reads the delay from the routing key, which has one bit per delay queue. */
function sentOf({ exchange, key, content }: { exchange: string; key: string; content: Buffer }): Sent {
  const bits =
    exchange === ''
      ? '0'
      : key
          .split('.')
          .filter(word => /^[01]$/.test(word))
          .join('')
  return { body: content.toString(), delay_seconds: Number.parseInt(bits, 2) }
}
