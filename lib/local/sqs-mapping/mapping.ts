import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { SQSRecord } from 'aws-lambda'
import { messageOf } from '../error.ts'
import type { Invoke } from '../lambda/function.ts'
import { MAX_PAYLOAD_BYTES } from '../lambda/protocol.ts'
import { succeeded } from './outcome.ts'
import { recordOf, splitBySize } from './records.ts'

export interface MappingOptions {
  sqs: SQSClient
  queueUrl: string
  queueArn: string
  invoke: Invoke
  /** The highest number of messages per invocation. */
  batchSize: number
  /** The time for which messages are gathered after the first message. */
  windowSeconds: number
  /** The highest number of simultaneous invocations. */
  concurrency: number
  /** Whether the function names the messages that have failed (ReportBatchItemFailures). */
  reportsFailures: boolean
  log(line: string): void
  /** Ends all receives that wait for a message. */
  endWaits(): Promise<void>
  /** Is called with the number of received messages. */
  onReceived?(messages: number): void
}

export interface Mapping {
  /** Stops receiving. Resolves when the last receive is over. */
  stop(): Promise<void>
  /** Resolves when the running invocations are over and their successful messages are deleted. */
  finished(): Promise<void>
}

/**
 * A receive waits for the longest time that SQS allows, since each receive takes some milliseconds of CPU time. A message that arrives ends the
 * wait at once. When the mapping stops, it asks the emulator to end the wait. It does not abort the receive. Otherwise messages that the emulator
 * is just returning would stay hidden until their visibility timeout ends, although no function has them.
 */
const POLL_SECONDS = 20
const MAX_RECEIVED = 10
const RETRY_MS = 1000

/** Invokes a function with a queue's messages until it is stopped, like Lambda's event source mapping. */
export function startMapping(options: MappingOptions): Mapping {
  const running = new Set<Promise<void>>()
  const stopped = Promise.withResolvers<void>()
  let stopping = false
  const polling = poll()

  return {
    async stop() {
      stopping = true
      stopped.resolve()
      await options.endWaits()
      await polling
    },
    async finished() {
      await Promise.all(running)
    },
  }

  async function poll(): Promise<void> {
    while (!stopping) {
      // Messages are received only if an invocation can begin at once. If a received message waited here, its visibility timeout would already run. The
      // message could then be delivered a second time while it still waits or runs.
      if (running.size >= options.concurrency) await Promise.race([...running, stopped.promise])
      else for (const batch of await gather()) start(batch)
    }
  }

  function start(batch: SQSRecord[]): void {
    const invocation = run(batch).finally(() => running.delete(invocation))
    running.add(invocation)
  }

  /** Receives the messages for one invocation. If they are too large for one event, they are returned as several events. */
  async function gather(): Promise<SQSRecord[][]> {
    const messages = await receive(options.batchSize, POLL_SECONDS)
    const end = Date.now() + options.windowSeconds * 1000
    while (messages.length > 0 && messages.length < options.batchSize && !stopping) {
      const left = end - Date.now()
      if (left <= 0) break
      messages.push(
        ...(await receive(options.batchSize - messages.length, Math.min(POLL_SECONDS, Math.ceil(left / 1000)))),
      )
    }
    const records = messages.map(message => recordOf(message, options.queueArn))
    return splitBySize(records, MAX_PAYLOAD_BYTES)
  }

  async function receive(count: number, waitSeconds: number): Promise<Message[]> {
    try {
      const command = new ReceiveMessageCommand({
        QueueUrl: options.queueUrl,
        MaxNumberOfMessages: Math.min(count, MAX_RECEIVED),
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      })
      const { Messages = [] } = await options.sqs.send(command)
      if (Messages.length > 0) options.onReceived?.(Messages.length)
      return Messages
    } catch (error) {
      if (stopping) return []
      options.log(`${options.queueUrl} can't be read: ${messageOf(error)}`)
      await new Promise(resolve => setTimeout(resolve, RETRY_MS))
      return []
    }
  }

  async function run(records: SQSRecord[]): Promise<void> {
    const result = await options.invoke({ Records: records })
    await remove(succeeded(result, records, options.reportsFailures))
  }

  async function remove(records: readonly SQSRecord[]): Promise<void> {
    for (let start = 0; start < records.length; start += MAX_RECEIVED) {
      const Entries = records
        .slice(start, start + MAX_RECEIVED)
        .map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }))
      // If a message can't be deleted, it is redelivered, as on AWS.
      await options.sqs
        .send(new DeleteMessageBatchCommand({ QueueUrl: options.queueUrl, Entries }))
        .catch(error => options.log(`${options.queueUrl}: messages can't be deleted: ${messageOf(error)}`))
    }
  }
}
