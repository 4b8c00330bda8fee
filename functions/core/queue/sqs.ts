import {
  type BatchResultErrorEntry,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { toAsciiJson } from '../domain/text.ts'
import { Defect, reaching, Unavailable } from '../platform/unavailable.ts'
import type { MessageQueue, OutgoingMessage } from './port.ts'

/** SQS's own limits of one batch send. */
const MAX_BATCH = 10
const MAX_BATCH_BYTES = 1_048_576

/** What SQS fails of a batch, on its side, is tried so often. */
const TRIES = 3

interface Waiting {
  readonly text: string
  readonly message: OutgoingMessage
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * SQS. While a send to a queue is under way, further messages for it gather and leave together as one batch: a lone
 * message is never held back, and many at once cost a tenth of the calls.
 */
export function sqsQueue(client: SQSClient, urlPrefix: string): MessageQueue {
  const waiting = new Map<string, Waiting[]>()

  async function drain(queue: string, lane: Waiting[]): Promise<void> {
    const url = urlPrefix + queue
    await Promise.resolve() // what is sent in the same turn leaves together
    while (lane.length > 0) {
      const batch = takeBatch(lane)
      const [only] = batch
      if (batch.length === 1 && only) await sendOne(client, url, only)
      else await sendBatch(client, url, batch, TRIES)
    }
    waiting.delete(queue)
  }

  return {
    send: (queue, message) =>
      new Promise((resolve, reject) => {
        const lane = waiting.get(queue) ?? []
        lane.push({ text: toAsciiJson(message.body), message, resolve, reject })
        if (waiting.has(queue)) return
        waiting.set(queue, lane)
        void drain(queue, lane)
      }),
  }
}

function takeBatch(lane: Waiting[]): Waiting[] {
  let bytes = 0
  const end = lane.findIndex(({ text }, i) => {
    bytes += text.length
    return i === MAX_BATCH || (i > 0 && bytes > MAX_BATCH_BYTES)
  })
  return lane.splice(0, end === -1 ? lane.length : end)
}

const parameters = ({ text, message }: Waiting) => ({
  MessageBody: text,
  MessageGroupId: message.group,
  ...(message.delay_seconds ? { DelaySeconds: message.delay_seconds } : {}),
})

async function sendOne(client: SQSClient, url: string, one: Waiting): Promise<void> {
  try {
    await reaching('the queue', () => client.send(new SendMessageCommand({ QueueUrl: url, ...parameters(one) })))
    one.resolve()
  } catch (error) {
    one.reject(error)
  }
}

async function sendBatch(client: SQSClient, url: string, batch: Waiting[], tries: number): Promise<void> {
  try {
    const Entries = batch.map((waiting, i) => ({ Id: String(i), ...parameters(waiting) }))
    const { Failed = [] } = await reaching('the queue', () =>
      client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries })),
    )
    const failed = new Map(Failed.map(failure => [Number(failure.Id), failure]))
    const again: Waiting[] = []
    for (const [i, waiting] of batch.entries()) {
      const failure = failed.get(i)
      if (!failure) waiting.resolve()
      else if (failure.SenderFault) waiting.reject(new Defect('the queue', reasonOf(failure)))
      else if (tries === 1) waiting.reject(new Unavailable('the queue', reasonOf(failure)))
      else again.push(waiting)
    }
    if (again.length > 0) await sendBatch(client, url, again, tries - 1)
  } catch (error) {
    for (const waiting of batch) waiting.reject(error)
  }
}

const reasonOf = ({ Message, Code }: BatchResultErrorEntry): Error => new Error(Message ?? Code)
