import { randomUUID } from 'node:crypto'
import type { Channel } from 'amqplib'
import { Defect, Unavailable } from '../../platform/unavailable.ts'
import type { CountWaiting, MessagesLeft, QueueExists, SendInput } from '../admin-port.ts'
import { bulkOf, DEAD_LETTERS, partsOf, RESULTS_QUEUE } from '../names.ts'
import type { Connection } from './connection.ts'
import { delayNames } from './delays.ts'
import { isNotFound } from './link.ts'

/** The operations of an operator on the broker. All reject with `Unavailable`. */
export interface RabbitMqAdmin {
  readonly exists: QueueExists
  readonly count: CountWaiting
  readonly sendInput: SendInput
  readonly messagesLeft: MessagesLeft
}

export function rabbitMqAdmin(prefix: string, connection: Connection, consumers: number): RabbitMqAdmin {
  const countOf = (name: string): Promise<number | undefined> => countIn(connection, name)
  return {
    exists: async queue => (await countOf(prefix + queue)) !== undefined,
    count: async queue => {
      const parts = partsOf(prefix + queue, consumers)
      const counts = await Promise.all([...parts, ...parts.map(bulkOf)].map(countOf))
      return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
    },
    sendInput: async (queue, text) => {
      try {
        await connection.publish({
          exchange: '',
          key: queue,
          content: Buffer.from(text),
          options: { messageId: randomUUID() },
        })
        return true
      } catch (error) {
        if (error instanceof Defect) return false
        throw error
      }
    },
    messagesLeft: async inputs => {
      const own = [RESULTS_QUEUE, RESULTS_QUEUE + DEAD_LETTERS, ...delayNames('')].map(
        name => [name, prefix + name] as const,
      )
      const others = inputs.flatMap(name => [name, name + DEAD_LETTERS]).map(name => [name, name] as const)
      const counts = await Promise.all(
        [...own, ...others].map(async ([name, whole]) => [name, (await countOf(whole)) ?? 0] as const),
      )
      return Object.fromEntries(counts.filter(([, messages]) => messages > 0))
    },
  }
}

/** Counts the waiting messages of a queue of this whole name: 0 if there is no such queue. Rejects with `Unavailable` if the service can't be reached. */
export const rabbitMqCountMessages =
  (connection: Connection) =>
  async (name: string): Promise<number> =>
    (await countIn(connection, name)) ?? 0

/**
 * The number of queues that are checked at the same time. Each check uses a channel, a connection has at most 2,047
 * channels, and a deployment may have more queues.
 */
const AT_ONCE = 20

/** Returns the names of those queues that the broker does not have. `names` are whole names. Rejects with `Unavailable` if the service can't be reached. */
export const rabbitMqMissingQueues =
  (connection: Connection) =>
  async (names: readonly string[]): Promise<string[]> => {
    const missing: string[] = []
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const some = names.slice(at, at + AT_ONCE)
      const counts = await Promise.all(some.map(name => countIn(connection, name)))
      missing.push(...some.filter((_, i) => counts[i] === undefined))
    }
    return missing
  }

async function countIn(connection: Connection, name: string): Promise<number | undefined> {
  const link = await connection.link()
  return link.onChannel(channel => messagesIn(channel, name))
}

/** Returns the number of waiting messages in a queue. Returns undefined if there is no such queue. */
async function messagesIn(channel: Channel, name: string): Promise<number | undefined> {
  try {
    return (await channel.checkQueue(name)).messageCount
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw new Unavailable('the queue', error)
  }
}
