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
  /** The most messages of one invocation. */
  batchSize: number
  /** How long to gather them, from the first one on. */
  windowSeconds: number
  /** The most invocations at a time. */
  concurrency: number
  /** ReportBatchItemFailures. */
  reportsFailures: boolean
  log(line: string): void
}

export interface Mapping {
  /** Receives no more; resolves when the last receive is over. */
  stop(): Promise<void>
  /** Resolves when the invocations that were running are over, and what they did is deleted. */
  finished(): Promise<void>
}

/**
 * A second is short enough to stop soon, and an abort would lose sight of messages that were being handed over.
 * A message that arrives ends the wait at once.
 */
const POLL_SECONDS = 1
const MAX_RECEIVED = 10
const RETRY_MS = 1000

/** Feeds a queue's messages to a function until it is stopped, as Lambda's event source mapping does. */
export function startMapping(options: MappingOptions): Mapping {
  const running = new Set<Promise<void>>()
  const stopped = Promise.withResolvers<void>()
  let stopping = false
  const polling = poll()

  return {
    async stop() {
      stopping = true
      stopped.resolve()
      await polling
    },
    async finished() {
      await Promise.all(running)
    },
  }

  async function poll(): Promise<void> {
    while (!stopping) {
      // Only what can be run at once is received: a message that waits here would lose its visibility time.
      if (running.size >= options.concurrency) await Promise.race([...running, stopped.promise])
      else for (const batch of await gather()) start(batch)
    }
  }

  function start(batch: SQSRecord[]): void {
    const invocation = run(batch).finally(() => running.delete(invocation))
    running.add(invocation)
  }

  /** What one invocation would get; more than one event only if the messages are too large for it. */
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
      return (await options.sqs.send(command)).Messages ?? []
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
      // One that can't be deleted comes back, as it would there.
      await options.sqs
        .send(new DeleteMessageBatchCommand({ QueueUrl: options.queueUrl, Entries }))
        .catch(error => options.log(`${options.queueUrl}: messages can't be deleted: ${messageOf(error)}`))
    }
  }
}
