import {
  type BatchResultErrorEntry,
  ChangeMessageVisibilityBatchCommand,
  type MessageAttributeValue,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import type { SQSBatchResponse, SQSEvent, SQSMessageAttributes, SQSRecord } from 'aws-lambda'
import { toAsciiJson } from '../domain/text.ts'
import { Defect, reaching, Unavailable } from '../platform/unavailable.ts'
import type { Delivery, OutgoingMessage, QueueBackend, QueueReceiver, Redelivery, ReturnedDelivery } from './port.ts'
import { SQS_CAPABILITIES } from './sqs-capabilities.ts'

/** The most messages, and the most bytes, of one batch send. SQS sets both limits. */
const MAX_BATCH = 10
const MAX_BATCH_BYTES = 1_048_576

/** The most sends of a message, if SQS fails on its own side. */
const MAX_SENDS = 3

interface Waiting {
  readonly text: string
  readonly message: OutgoingMessage
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Sends messages to SQS. While a send to a queue is running, further messages for that queue are collected, and then
 * sent as one batch. So a single message is sent at once, and many simultaneous messages need a tenth of the calls.
 */
export function sqsQueue(client: SQSClient, urlPrefix: string): QueueBackend {
  const waiting = new Map<string, Waiting[]>()
  const namePrefix = urlPrefix.slice(urlPrefix.lastIndexOf('/') + 1)

  async function drain(queue: string, lane: Waiting[]): Promise<void> {
    const url = urlPrefix + queue
    await Promise.resolve() // Messages of the same tick are sent in one batch.
    while (lane.length > 0) {
      const batch = takeBatch(lane)
      const [only] = batch
      if (batch.length === 1 && only) await sendOne(client, url, only)
      else await sendBatch(client, url, batch, MAX_SENDS)
    }
    waiting.delete(queue)
  }

  return {
    capabilities: SQS_CAPABILITIES,
    wholeName: queue => namePrefix + queue,
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

/** Reads the event of an SQS event source mapping, and returns a partial batch response. */
export const sqsReceiver: QueueReceiver<SQSEvent, SQSBatchResponse> = {
  deliveries: ({ Records }) => Records.map(toDelivery),
  response: ({ redeliver }) => ({ batchItemFailures: redeliver.map(({ id }) => ({ itemIdentifier: id })) }),
}

/**
 * Changes the visibility timeout of messages that a function gives back, so that SQS redelivers them at the wished time.
 * If the access policy of their queue does not allow this, the queue redelivers them after its usual delay.
 */
export function sqsRedelivery(client: SQSClient, urlPrefix: string): Redelivery {
  // A delivery has the whole name of its queue, so the URL is made without the stack's prefix.
  const account = urlPrefix.slice(0, urlPrefix.lastIndexOf('/') + 1)
  const change = async (queue: string, of: readonly ReturnedDelivery[]): Promise<void> => {
    const Entries = of.map(({ delivery, seconds }, i) => ({
      Id: String(i),
      ReceiptHandle: delivery.receipt,
      VisibilityTimeout: seconds,
    }))
    await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: account + queue, Entries }))
  }
  return {
    async redeliverAfter(returned) {
      const known = returned.filter(({ delivery }) => delivery.receipt !== undefined)
      const batches = [...Map.groupBy(known, ({ delivery }) => delivery.queue)].flatMap(([queue, of]) =>
        Array.from({ length: Math.ceil(of.length / MAX_BATCH) }, (_, i) =>
          change(queue, of.slice(i * MAX_BATCH, (i + 1) * MAX_BATCH)),
        ),
      )
      // A message whose time could not be changed comes after the queue's usual delay.
      await Promise.allSettled(batches)
    },
  }
}

const toDelivery = ({
  messageId,
  receiptHandle,
  body,
  eventSourceARN,
  attributes,
  messageAttributes,
}: SQSRecord): Delivery => ({
  id: messageId,
  queue: eventSourceARN.slice(eventSourceARN.lastIndexOf(':') + 1),
  body,
  attributes: textsOf(messageAttributes),
  receive_count: Number(attributes.ApproximateReceiveCount),
  receipt: receiptHandle,
})

const textsOf = (attributes: SQSMessageAttributes): Record<string, string> =>
  Object.fromEntries(
    Object.entries(attributes).flatMap(([name, { stringValue }]) =>
      stringValue === undefined ? [] : [[name, stringValue]],
    ),
  )

function takeBatch(lane: Waiting[]): Waiting[] {
  let bytes = 0
  const end = lane.findIndex(({ text, message }, i) => {
    bytes += text.length + bytesOf(message.attributes)
    return i === MAX_BATCH || (i > 0 && bytes > MAX_BATCH_BYTES)
  })
  return lane.splice(0, end === -1 ? lane.length : end)
}

const parameters = ({ text, message }: Waiting) => ({
  MessageBody: text,
  MessageGroupId: message.group,
  ...(message.delay_seconds ? { DelaySeconds: message.delay_seconds } : {}),
  ...(message.attributes && { MessageAttributes: toAttributes(message.attributes) }),
})

const STRING = 'String'

const toAttributes = (texts: Readonly<Record<string, string>>): Record<string, MessageAttributeValue> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { DataType: STRING, StringValue: text }]))

/** Returns the size of attributes. SQS counts their names, types and values as a part of the message. */
const bytesOf = (texts: Readonly<Record<string, string>> = {}): number =>
  Object.entries(texts).reduce((sum, [name, text]) => sum + Buffer.byteLength(name + STRING + text), 0)

async function sendOne(client: SQSClient, url: string, one: Waiting): Promise<void> {
  try {
    await reaching('the queue', () => client.send(new SendMessageCommand({ QueueUrl: url, ...parameters(one) })))
    one.resolve()
  } catch (error) {
    one.reject(error)
  }
}

async function sendBatch(client: SQSClient, url: string, batch: Waiting[], sendsLeft: number): Promise<void> {
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
      else if (sendsLeft === 1) waiting.reject(new Unavailable('the queue', reasonOf(failure)))
      else again.push(waiting)
    }
    if (again.length > 0) await sendBatch(client, url, again, sendsLeft - 1)
  } catch (error) {
    for (const waiting of batch) waiting.reject(error)
  }
}

const reasonOf = ({ Message, Code }: BatchResultErrorEntry): Error => new Error(Message ?? Code)
