import type { ChannelModel, GetMessage } from 'amqplib'
import { describe } from 'vitest'
import { Defect } from '../../functions/core/platform/unavailable.ts'
import { brokerConnection } from '../../functions/core/queue/rabbitmq/connection.ts'
import type { Link } from '../../functions/core/queue/rabbitmq/link.ts'
import { rabbitMqQueue } from '../../functions/core/queue/rabbitmq/queue.ts'
import { declareTopology } from '../../functions/core/queue/rabbitmq/topology.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { type RabbitMessage, rabbitMqModel } from '../simulation/models/rabbitmq.ts'
import { NOW } from '../support/clock.ts'
import { BROKER_URL, newVirtualHost } from '../support/rabbitmq.ts'
import { type BrokerEngine, describeBrokerContract, makeQueue } from './simulated-broker.ts'

describeBrokerContract("the simulation's model of RabbitMQ", async (): Promise<BrokerEngine> => {
  let now = NOW
  let queues = 0
  let held: { queue: string; messages: readonly RabbitMessage[] } = { queue: '', messages: [] }
  const model = rabbitMqModel({ clock: () => now })
  const link = { onChannel: (work: Parameters<Link['onChannel']>[0]) => work(model.channel) } as Link
  await declareTopology(link, {
    prefix: '',
    queues: [],
  })
  return {
    queue: rabbitMqQueue('', async publication => {
      try {
        model.publish(publication)
      } catch (error) {
        throw new Defect('the queue', error)
      }
    }),
    createQueue: async limit => {
      const name = `queue-${queues++}`
      await makeQueue(model.channel, name, limit)
      return name
    },
    take: async (queue, count) => {
      held = { queue, messages: model.deliver(queue, count) }
      return held.messages.map(({ body }) => JSON.parse(body))
    },
    end: async how => {
      if (how === 'is acknowledged') model.acknowledge(held.queue, held.messages)
      else model.requeue(held.queue, held.messages)
    },
    pass: async seconds => {
      now += seconds * 1_000
    },
    close: async () => {},
  }
})

describe.skipIf(BROKER_URL === undefined)('with a broker at AMQP_URL', () => {
  describeBrokerContract('RabbitMQ', async (): Promise<BrokerEngine> => {
    const host = await newVirtualHost()
    const connection = brokerConnection({
      url: host.url,
      credentials: () => Promise.reject(new Error('the URL has them')),
    })
    await declareTopology(await connection.link(), { prefix: '', queues: [] })
    const setup = await host.connect()
    const channel = await setup.createChannel()
    let queues = 0
    let mapping: ChannelModel | undefined
    let settle: (how: 'is acknowledged' | 'is rejected') => void = () => {}
    let closeChannel = async (): Promise<void> => {}

    return {
      queue: rabbitMqQueue('', connection.publish),
      createQueue: async limit => {
        const name = `queue-${queues++}`
        await makeQueue(channel, name, limit)
        return name
      },
      take: async (queue, count) => {
        mapping = await host.connect()
        const own = await mapping.createChannel()
        const messages: GetMessage[] = []
        await eventually(
          async () => {
            const message = await own.get(queue)
            if (message) messages.push(message)
            if (messages.length < count) throw new Error(`${messages.length} of ${count} messages have come`)
          },
          { interval: 5 },
        )
        settle = how => (how === 'is acknowledged' ? own.ackAll() : own.nackAll(true))
        closeChannel = () => own.close()
        return messages.map(({ content }) => JSON.parse(content.toString()))
      },
      end: async how => {
        if (how !== 'loses its connection') {
          settle(how)
          // The broker answers to the close only after it has processed the acknowledgement. So the next `take` sees its effect.
          await closeChannel()
        }
        await mapping?.close()
      },
      // A delay of the real broker takes real time. So the next `take` waits until the messages have come.
      pass: async () => {},
      close: async () => {
        await connection.close()
        await setup.close()
        await host.close()
      },
    }
  })
})
