import type { Channel } from 'amqplib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { QueueBackend } from '../../functions/core/queue/port.ts'

/** A broker under test, which is a real RabbitMQ or the model of it in the simulation. The test plays the event source mapping that takes its messages. */
export interface BrokerEngine {
  /** Sends messages with the real adapter. */
  readonly queue: QueueBackend
  /** Makes a new queue that redelivers a message at most `limit` times, and its dead-letter queue. Returns its name. */
  createQueue(limit: number): Promise<string>
  /** Waits for `count` messages in a queue, and takes them as a batch, as a mapping does. The batch is held until `end`. */
  take(queue: string, count: number): Promise<string[]>
  /** Ends the batch that was taken last. */
  end(how: 'is acknowledged' | 'is rejected' | 'loses its connection'): Promise<void>
  /** Moves the clock of the broker by this time. */
  pass(seconds: number): Promise<void>
  close(): Promise<void>
}

export const queueArguments = (deadLetters: string, limit: number) => ({
  'x-queue-type': 'quorum',
  'x-delivery-limit': limit,
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': deadLetters,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
})

/** Makes a queue as Sluice does, but with another limit of deliveries. */
export async function makeQueue(channel: Channel, name: string, limit: number): Promise<void> {
  const deadLetters = `${name}-dlq`
  await channel.assertQueue(deadLetters, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertQueue(name, { durable: true, arguments: queueArguments(deadLetters, limit) })
  await channel.bindQueue(name, 'deliver', `#.${name}`)
}

/** Checks the behaviour of RabbitMQ that the simulation's model of RabbitMQ imitates. */
export function describeBrokerContract(name: string, makeEngine: () => Promise<BrokerEngine>): void {
  let engine: BrokerEngine
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine?.close())

  const send = (queue: string, body: string, delaySeconds = 0) =>
    engine.queue.send(queue, { body, group: 'u42', delay_seconds: delaySeconds })
  async function queueOf(bodies: readonly string[], limit = 1_000): Promise<string> {
    const queue = await engine.createQueue(limit)
    for (const body of bodies) await send(queue, body)
    return queue
  }

  describe(`a batch of ${name}`, () => {
    it('a batch has the oldest messages of the queue, and the next batch has the next messages', async () => {
      const queue = await queueOf(['1', '2', '3'])

      const first = await engine.take(queue, 2)
      await engine.end('is acknowledged')
      const second = await engine.take(queue, 1)
      await engine.end('is acknowledged')

      expect([first, second]).toEqual([['1', '2'], ['3']])
    })

    it.each(['is rejected', 'loses its connection'] as const)(
      'a batch that %s is redelivered as a whole, before all other messages',
      async how => {
        const queue = await queueOf(['1', '2', '3'])
        await engine.take(queue, 2)

        await engine.end(how)

        expect(await engine.take(queue, 3)).toEqual(['1', '2', '3'])
        await engine.end('is acknowledged')
      },
    )

    it.each(['is rejected', 'loses its connection'] as const)(
      'a batch that %s more often than the limit of deliveries allows is moved to the dead-letter queue',
      async how => {
        const queue = await queueOf(['1', '2', '3'], 2)
        for (let i = 0; i < 3; i++) {
          expect(await engine.take(queue, 2)).toEqual(['1', '2'])
          await engine.end(how)
        }

        expect(await engine.take(queue, 1)).toEqual(['3'])
        await engine.end('is acknowledged')
        expect(await engine.take(`${queue}-dlq`, 2)).toEqual(['1', '2'])
        await engine.end('is acknowledged')
      },
    )
  })

  describe(`the delay of a message of ${name}`, () => {
    it('the delay of a message is not prolonged by messages with longer delays that were sent earlier', async () => {
      const queue = await queueOf([])
      await send(queue, 'three seconds', 3)
      await send(queue, 'one second', 1)
      await send(queue, 'now')

      expect(await engine.take(queue, 1)).toEqual(['now'])
      await engine.end('is acknowledged')
      await engine.pass(3)
      expect(await engine.take(queue, 2)).toEqual(['one second', 'three seconds'])
      await engine.end('is acknowledged')
    })
  })

  describe(`a message of ${name}`, () => {
    it('a message is refused if no queue is bound for it', async () => {
      await expect(send('no-such-queue', 'lost')).rejects.toThrow('a call of the queue failed by a defect')
    })
  })
}
