import { setTimeout } from 'node:timers/promises'
import type { Channel } from 'amqplib'
import { describe, expect, it } from 'vitest'
import { Defect, Unavailable } from '../../functions/core/platform/unavailable.ts'
import {
  rabbitMqAdmin,
  rabbitMqCountMessages,
  rabbitMqMissingQueues,
} from '../../functions/core/queue/rabbitmq/admin.ts'
import { brokerConnection, type Connection } from '../../functions/core/queue/rabbitmq/connection.ts'
import { DELAY_LEVELS, delayName } from '../../functions/core/queue/rabbitmq/delays.ts'
import { messagesOf, RmqEvent } from '../../functions/core/queue/rabbitmq/event.ts'
import type { Publication } from '../../functions/core/queue/rabbitmq/link.ts'
import { moveBulk } from '../../functions/core/queue/rabbitmq/move-bulk.ts'
import { chooseByUser } from '../../functions/core/queue/rabbitmq/parts.ts'
import { rabbitMqQueue } from '../../functions/core/queue/rabbitmq/queue.ts'
import { rabbitMqReturnResults } from '../../functions/core/queue/rabbitmq/return-results.ts'
import { REQUESTS_KEY, TEAM_EXCHANGE } from '../../functions/core/queue/rabbitmq/team-exchange.ts'
import { declareTopology } from '../../functions/core/queue/rabbitmq/topology.ts'
import { startRmqMapping } from '../../lib/local/rabbitmq/mapping.ts'
import { BROKER_URL, newVirtualHost, rabbitmqctl, type VirtualHost } from '../support/rabbitmq.ts'
import { describeQueueContract } from './queue.ts'

const PREFIX = 'stack-'

/** FLOOD: the number of messages that one user sends. CALLS: the number of messages that one invocation takes. */
const FLOOD = 200
const CALLS = 10
const QUEUE = 'inference-text-normal'
const RESULTS = { queue: `${PREFIX}results`, deadLetters: `${PREFIX}results-dlq` }
const NAMES = { queue: PREFIX + QUEUE, bulk: `${PREFIX}${QUEUE}-bulk`, deadLetters: `${PREFIX}inference-dlq` }

describe.skipIf(BROKER_URL === undefined)('with a broker at AMQP_URL', () => {
  describeQueueContract('RabbitMQ', async () => {
    const host = await newVirtualHost()
    const connection = brokerConnection({
      url: host.url,
      credentials: never,
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
      receive: async (queue, count) => (await receive(channel, PREFIX + queue, count)).map(({ body }) => body),
      receiveWithAttributes: (queue, count) => receive(channel, PREFIX + queue, count),
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

  describe('the fairness of RabbitMQ', () => {
    it("serves another user's only request soon, although 200 requests of one user wait", async () => {
      const host = await newVirtualHost()
      const connection = brokerConnection({ url: host.url, credentials: never })
      await declareTopology(await connection.link(), {
        prefix: PREFIX,
        queues: [
          { name: NAMES.queue, dead_letters: NAMES.deadLetters },
          { name: NAMES.bulk, dead_letters: NAMES.deadLetters },
          { name: NAMES.deadLetters },
        ],
      })
      const countMessages = rabbitMqCountMessages(connection)
      const queue = rabbitMqQueue(PREFIX, connection.publish, chooseByUser(1))
      const called: unknown[] = []
      const held = Promise.withResolvers<void>()
      const mapping = (name: string, batchSize: number, take: (event: RmqEvent) => Promise<void>) =>
        startRmqMapping({
          url: host.url,
          brokerArn: 'broker',
          queue: name,
          batchSize,
          windowSeconds: 0,
          invoke: async event => {
            await take(RmqEvent.parse(event))
            return { ok: true, payload: '' }
          },
          log: () => undefined,
          onOutage: () => undefined,
          onReceived: () => undefined,
        })
      const mappings = [
        mapping(NAMES.queue, CALLS, async event => {
          called.push(...messagesOf(event).map(({ message }) => Buffer.from(message.data, 'base64').toString()))
          await held.promise
        }),
        // The clock of `moveBulk` does not move, so `moveBulk` waits until the worker's queue has room, however long that takes.
        mapping(NAMES.bulk, CALLS / 2, event =>
          moveBulk(
            { ...connection, countMessages, longestCall: () => 0, clock: () => 0, sleep: ms => setTimeout(ms) },
            event,
            60_000,
          ),
        ),
      ]

      const flood = Array.from({ length: FLOOD }, (_, i) =>
        queue.send(QUEUE, { body: 'one of many', group: 'noisy', gives_way: i >= CALLS }),
      )
      await Promise.all(flood)
      // At this point, one invocation runs, the event source mapping holds the messages of the next invocation, and messages from the bulk
      // queue wait in the queue behind them. Only now does the other user send a message.
      await expect.poll(() => countMessages(NAMES.queue), { timeout: 20_000 }).toBe(CALLS / 2)
      await queue.send(QUEUE, { body: 'only one', group: 'quiet' })
      held.resolve()

      await expect.poll(() => called.length, { timeout: 20_000 }).toBe(FLOOD + 1)
      expect(called.indexOf('"only one"')).toBeLessThan(3 * CALLS)
      await Promise.all(mappings.map(one => one.stop()))
      await Promise.all(mappings.map(one => one.finished()))
      await connection.close()
      await host.close()
    }, 120_000)
  })

  describe('the return of events from the dead-letter queue of the results', () => {
    it('sends each event to the results queue again once, with its attributes', async () => {
      await withDeadResults(['a', 'b'], async ({ host, connection }) => {
        const returnResults = rabbitMqReturnResults(PREFIX, connection, () => 0)

        expect([await returnResults(), await returnResults()]).toEqual([
          { returned: 2, left: 0 },
          { returned: 0, left: 0 },
        ])

        const model = await host.connect()
        const attributes = { traceparent: '00-1', 'x-sluice-returns': 0 }
        expect(await receive(await model.createChannel(), RESULTS.queue, 2)).toEqual([
          { body: 'a', attributes },
          { body: 'b', attributes },
        ])
        await model.close()
      })
    })

    it('if the broker is slow, the return of events stops before its time is over, and answers the number of events that are left', async () => {
      await withDeadResults(['a', 'b', 'c', 'd', 'e'], async ({ host, connection }) => {
        let now = 0
        const slow = {
          ...connection,
          publish: async (publication: Publication) => {
            await connection.publish(publication)
            now += 4_000
          },
        }
        const returnResults = rabbitMqReturnResults(PREFIX, slow, () => now)

        expect(await returnResults()).toEqual({ returned: 3, left: 2 })
        expect(await returnResults()).toEqual({ returned: 2, left: 0 })
        await expect.poll(() => host.messages(), { timeout: 20_000 }).toEqual({ [RESULTS.queue]: 5 })
      })
    })

    it('even if connecting has taken all the time, the return of events sends one event, and answers the number of events that are left', async () => {
      await withDeadResults(['a', 'b'], async ({ connection }) => {
        let now = 0
        const slow = {
          ...connection,
          link: () => {
            now += 11_000
            return connection.link()
          },
        }

        expect(await rabbitMqReturnResults(PREFIX, slow, () => now)()).toEqual({ returned: 1, left: 1 })
      })
    })

    it('if its channel is lost, the return of events fails with Unavailable, and the next try sends all events', async () => {
      await withDeadResults(['a', 'b'], async ({ host, connection }) => {
        const lost = {
          ...connection,
          publish: async () => {
            const link = await connection.link()
            await rabbitmqctl('close_all_connections', '-p', host.name, 'a test')
            await expect.poll(() => link.isClosed, { timeout: 20_000 }).toBe(true)
          },
        }

        await expect(rabbitMqReturnResults(PREFIX, lost, () => 0)()).rejects.toBeInstanceOf(Unavailable)
        expect(await rabbitMqReturnResults(PREFIX, connection, () => 0)()).toEqual({ returned: 2, left: 0 })
      })
    })

    it('the return of events fails with Defect if the dead-letter queue is missing', async () => {
      const host = await newVirtualHost()
      const connection = brokerConnection({ url: host.url, credentials: never })

      await expect(rabbitMqReturnResults(PREFIX, connection, () => 0)()).rejects.toBeInstanceOf(Defect)
      await connection.close()
      await host.close()
    })
  })

  it('a send to a full queue fails with Unavailable, and succeeds once the queue has room', async () => {
    const host = await newVirtualHost()
    const connection = brokerConnection({ url: host.url, credentials: never })
    await declareTopology(await connection.link(), {
      prefix: PREFIX,
      queues: [{ name: NAMES.queue, dead_letters: NAMES.deadLetters }, { name: NAMES.deadLetters }],
    })
    const send = () => rabbitMqQueue(PREFIX, connection.publish).send(QUEUE, { body: 'a', group: 'u' })
    const refusal = () =>
      send().then(
        () => undefined,
        (error: unknown) => error,
      )

    await rabbitmqctl('set_policy', '-p', host.name, 'full', 'normal', '{"max-length":1}')
    await expect.poll(refusal, { timeout: 20_000 }).toBeInstanceOf(Unavailable)
    const model = await host.connect()
    const channel = await model.createChannel()
    for (let taken = await channel.get(NAMES.queue); taken; taken = await channel.get(NAMES.queue)) channel.ack(taken)
    await expect.poll(refusal, { timeout: 20_000 }).toBeUndefined()

    await model.close()
    await connection.close()
    await host.close()
  })

  it('messagesLeft counts events of results, deferred messages and messages of input queues', async () => {
    await withDeadResults(['a'], async ({ connection }) => {
      const queues = [{ name: 'prompts', dead_letters: 'prompts-dlq' }, { name: 'prompts-dlq' }]
      await declareTopology(await connection.link(), { prefix: PREFIX, queues })
      const { messagesLeft, sendInput } = rabbitMqAdmin(PREFIX, connection, 1)
      await rabbitMqQueue(PREFIX, connection.publish).send('results', { body: 'b', group: 'u', delay_seconds: 512 })
      for (const text of ['1', '2']) expect(await sendInput('prompts', text)).toBe(true)

      await expect
        .poll(() => messagesLeft(['prompts', 'not-there-yet']), { timeout: 20_000 })
        .toEqual({ 'results-dlq': 1, 'delay-9': 1, prompts: 2 })
      expect(await messagesLeft([])).toEqual({ 'results-dlq': 1, 'delay-9': 1 })
    })
  })

  it('rabbitMqMissingQueues finds all missing queues of a long list', async () => {
    await withDeadResults([], async ({ connection }) => {
      const others = Array.from({ length: 50 }, (_, i) => `${PREFIX}gone-${i}`)

      const missing = await rabbitMqMissingQueues(connection)([RESULTS.queue, ...others, RESULTS.deadLetters])

      expect(missing).toEqual(others)
    })
  })

  it('a declaration unbinds the former first input queue, so a message to the exchange reaches only the new first input queue', async () => {
    const host = await newVirtualHost()
    const connection = brokerConnection({ url: host.url, credentials: never })
    const inputs = ['imports', 'nightly'].flatMap(name => [
      { name, dead_letters: `${name}-dlq` },
      { name: `${name}-dlq` },
    ])
    const declare = async (requests: string, unbind?: string) =>
      declareTopology(await connection.link(), { prefix: PREFIX, queues: inputs, requests, unbind })
    await declare('imports')

    await declare('nightly', 'imports')
    // CloudFormation may repeat a call, and the former queue may be deleted. Both calls change nothing.
    await declare('nightly', 'imports')
    await declare('nightly', 'deleted')

    const publication = { exchange: TEAM_EXCHANGE, key: REQUESTS_KEY, content: Buffer.from('{}') }
    await connection.publish({ ...publication, options: { messageId: '1' } })
    await expect.poll(() => host.messages(), { timeout: 20_000 }).toEqual({ nightly: 1 })
    await connection.close()
    await host.close()
  })
})

/** Makes a virtual host whose dead-letter queue of results has these messages, and deletes it after `use`. */
async function withDeadResults(
  bodies: readonly string[],
  use: (made: { host: VirtualHost; connection: Connection }) => Promise<void>,
): Promise<void> {
  const host = await newVirtualHost()
  const connection = brokerConnection({ url: host.url, credentials: never })
  const queues = [{ name: RESULTS.queue, dead_letters: RESULTS.deadLetters }, { name: RESULTS.deadLetters }]
  await declareTopology(await connection.link(), { prefix: PREFIX, queues })
  const queue = rabbitMqQueue(PREFIX, connection.publish)
  const attributes = { traceparent: '00-1', 'x-sluice-returns': '7' }
  for (const body of bodies) await queue.send('results-dlq', { body, group: 'u', attributes })
  await use({ host, connection })
  await connection.close()
  await host.close()
}

async function receive(channel: Channel, queue: string, count: number) {
  const received: { body: unknown; attributes: Record<string, string> }[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const { consumerTag } = await channel.consume(queue, message => {
    if (!message) return
    received.push({ body: JSON.parse(message.content.toString()), attributes: { ...message.properties.headers } })
    channel.ack(message)
    if (received.length === count) resolve()
  })
  await promise
  await channel.cancel(consumerTag)
  return received
}

const never = () => Promise.reject(new Error('the URL has the credentials'))
