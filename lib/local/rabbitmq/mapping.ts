import { setTimeout } from 'node:timers/promises'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { messageOf as textOf } from '../error.ts'
import type { Invoke } from '../lambda/function.ts'
import { MAX_PAYLOAD_BYTES } from '../lambda/protocol.ts'
import type { Activity } from '../resources/resource.ts'
import { connectTo, vhostOf } from './broker.ts'
import { eventOf, messageOf, sizeOf } from './event.ts'

export interface RmqMappingOptions {
  url: string
  brokerArn: string
  queue: string
  invoke: Invoke
  /** The highest number of messages per invocation. */
  batchSize: number
  /** The time for which messages are gathered after the first message. */
  windowSeconds: number
  log(line: string): void
  /** Is called with the reason, each time that the mapping fails to read the queue. */
  onOutage(reason: string): void
  onReceived(messages: number): void
}

/**
 * The time before a mapping connects again, and before it returns a failed batch to its queue. Without this time, a batch that always fails would run
 * again and again without a pause. Milliseconds.
 */
const RETRY_MS = 1_000

/** The number of batches that the broker sends before it waits for an acknowledgement: one that runs, and the next one. So the next can begin at once. */
const BATCHES_AHEAD = 2

/** A consumer on a connection of its own. */
interface Consumer {
  readonly model: ChannelModel
  readonly channel: Channel
  /** The messages that no invocation has taken yet, oldest first. */
  readonly waiting: ConsumeMessage[]
  readonly isClosed: boolean
}

/**
 * Starts a mapping: it invokes a function with the messages of a queue of RabbitMQ until it is stopped, like Lambda's event source mapping. It runs one
 * invocation at a time. If the function succeeds, the mapping acknowledges the whole batch. If the function fails, the mapping returns the whole batch
 * to the queue.
 */
export function startRmqMapping(options: RmqMappingOptions): Activity {
  const stopped = Promise.withResolvers<void>()
  let stopping = false
  /** Ends the wait in `until`. Is called when a message has arrived, when the connection was lost, and at the stop. */
  let wake: () => void = () => {}
  const running = run()

  return {
    async stop() {
      stopping = true
      stopped.resolve()
      wake()
    },
    finished: () => running,
  }

  async function run(): Promise<void> {
    while (!stopping) {
      const consumer = await consume().catch(tell)
      if (!consumer) {
        await pause()
        continue
      }
      while (!stopping && !consumer.isClosed) await takeBatch(consumer)
      // When the consumer's connection is closed, the broker puts the messages that no invocation has taken back into the queue.
      await consumer.model.close().catch(() => {})
    }
  }

  async function consume(): Promise<Consumer> {
    const model = await connectTo(options.url)
    const waiting: ConsumeMessage[] = []
    let isClosed = false
    const close = () => {
      isClosed = true
      wake()
    }
    model.on('error', close).on('close', close)
    try {
      const channel = await model.createChannel()
      channel.on('error', close).on('close', close)
      await channel.prefetch(options.batchSize * BATCHES_AHEAD)
      await channel.consume(options.queue, message => {
        if (!message) return close()
        waiting.push(message)
        wake()
      })
      return {
        model,
        channel,
        waiting,
        get isClosed() {
          return isClosed
        },
      }
    } catch (error) {
      await model.close().catch(() => {})
      throw error
    }
  }

  async function takeBatch(consumer: Consumer): Promise<void> {
    await until(consumer, 1)
    if (options.windowSeconds > 0 && consumer.waiting.length > 0)
      await Promise.race([until(consumer, options.batchSize), setTimeout(options.windowSeconds * 1_000)])
    if (stopping || consumer.isClosed) return
    const batch = nextBatch(consumer)
    const last = batch.at(-1)
    if (!last) return
    const event = eventOf(options.brokerArn, options.queue, vhostOf(options.url), batch.map(messageOf))
    options.onReceived(batch.length)
    const { ok } = await options.invoke(event)
    if (consumer.isClosed) return
    // This acknowledges the last message and all messages before it.
    if (ok) consumer.channel.ack(last, true)
    else {
      await pause()
      if (!consumer.isClosed) for (const message of batch) consumer.channel.nack(message, false, true)
    }
  }

  /** Takes the messages for one invocation. Drops a message that is too large for an event, as Lambda does. Otherwise it would block the queue. */
  function nextBatch({ waiting, channel }: Consumer): ConsumeMessage[] {
    const batch: ConsumeMessage[] = []
    let room = MAX_PAYLOAD_BYTES - 1_000
    for (let next = waiting[0]; next && batch.length < options.batchSize; next = waiting[0]) {
      const size = sizeOf(messageOf(next))
      if (batch.length > 0 && size > room) break
      waiting.shift()
      if (size > MAX_PAYLOAD_BYTES - 1_000) {
        options.log(`${options.queue}: a message of ${next.content.length} bytes fits into no event and is dropped.`)
        channel.ack(next)
        continue
      }
      batch.push(next)
      room -= size
    }
    return batch
  }

  async function until(consumer: Consumer, count: number): Promise<void> {
    while (consumer.waiting.length < count && !stopping && !consumer.isClosed)
      await new Promise<void>(resolve => {
        wake = resolve
      })
  }

  async function pause(): Promise<void> {
    await Promise.race([setTimeout(RETRY_MS), stopped.promise])
  }

  function tell(error: unknown): undefined {
    if (!stopping) options.onOutage(textOf(error).replaceAll(/\s+/g, ' '))
    return undefined
  }
}
