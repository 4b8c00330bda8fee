import type { Channel } from 'amqplib'
import { describe } from 'vitest'
import { brokerConnection } from '../../functions/core/queue/rabbitmq/connection.ts'
import { DELAY_LEVELS, delayName } from '../../functions/core/queue/rabbitmq/delays.ts'
import { rabbitMqQueue } from '../../functions/core/queue/rabbitmq/queue.ts'
import { declareTopology } from '../../functions/core/queue/rabbitmq/topology.ts'
import { BROKER_URL, newVirtualHost } from '../support/rabbitmq.ts'
import { describeQueueContract } from './queue.ts'

const PREFIX = 'stack-'

describe.skipIf(BROKER_URL === undefined)('with a broker at AMQP_URL', () => {
  describeQueueContract('RabbitMQ', async () => {
    const host = await newVirtualHost()
    const connection = brokerConnection({
      url: host.url,
      credentials: () => Promise.reject(new Error('the URL has them')),
    })
    const model = await host.connect()
    const channel = await model.createChannel()
    let queues = 0

    return {
      queue: rabbitMqQueue(PREFIX, connection.publish),
      createQueue: async () => {
        const name = `queue-${queues++}`
        const deadLetters = `${PREFIX}${name}-dlq`
        await declareTopology(await connection.link(), {
          prefix: PREFIX,
          queues: [{ name: PREFIX + name, dead_letters: deadLetters }, { name: deadLetters }],
        })
        return name
      },
      receive: (queue, count) => receive(channel, PREFIX + queue, count),
      waiting: async queue => {
        const waitingIn = async (name: string) => (await channel.checkQueue(name)).messageCount
        const levels = Array.from({ length: DELAY_LEVELS }, (_, level) => waitingIn(delayName(PREFIX, level)))
        const delayed = await Promise.all(levels)
        return { visible: await waitingIn(PREFIX + queue), delayed: delayed.reduce((sum, count) => sum + count, 0) }
      },
      close: async () => {
        await connection.close()
        await model.close()
        await host.close()
      },
    }
  })
})

async function receive(channel: Channel, queue: string, count: number): Promise<unknown[]> {
  const bodies: unknown[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const { consumerTag } = await channel.consume(queue, message => {
    if (!message) return
    bodies.push(JSON.parse(message.content.toString()))
    channel.ack(message)
    if (bodies.length === count) resolve()
  })
  await promise
  await channel.cancel(consumerTag)
  return bodies
}
