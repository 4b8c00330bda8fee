import {
  GetQueueAttributesCommand,
  type QueueAttributeName,
  QueueDoesNotExist,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { reaching } from '../platform/unavailable.ts'
import type { CountWaiting, MessagesLeft, QueueExists, SendInput } from './admin-port.ts'
import { DEAD_LETTERS, RESULTS_QUEUE } from './names.ts'

export type { CountWaiting, MessagesLeft, QueueExists, SendInput } from './admin-port.ts'

export const sqsQueueExists =
  (client: SQSClient, urlPrefix: string): QueueExists =>
  queue =>
    reaching('the queue', async () => {
      try {
        await client.send(new GetQueueAttributesCommand({ QueueUrl: urlPrefix + queue }))
        return true
      } catch (error) {
        if (error instanceof QueueDoesNotExist) return false
        throw error
      }
    })

/**
 * Makes the function that sends to input queues. An input queue may exist outside of the stack, so its name has no
 * prefix of the stack. But it is in the same account as the stack's own queues, so its URL begins in the same way.
 */
export const sqsSendInput =
  (client: SQSClient, urlPrefix: string): SendInput =>
  (queue, text) =>
    reaching('the queue', async () => {
      try {
        await client.send(new SendMessageCommand({ QueueUrl: urlOfInput(urlPrefix, queue), MessageBody: text }))
        return true
      } catch (error) {
        if (error instanceof QueueDoesNotExist) return false
        throw error
      }
    })

const urlOfInput = (urlPrefix: string, queue: string): string =>
  urlPrefix.slice(0, urlPrefix.lastIndexOf('/') + 1) + queue

const WAITING: QueueAttributeName[] = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesDelayed']

export const sqsCountWaiting =
  (client: SQSClient, urlPrefix: string): CountWaiting =>
  queue =>
    reaching('the queue', () => count(client, urlPrefix + queue, WAITING))

export const sqsMessagesLeft =
  (client: SQSClient, urlPrefix: string): MessagesLeft =>
  inputs =>
    reaching('the queue', async () => {
      const results = [RESULTS_QUEUE, RESULTS_QUEUE + DEAD_LETTERS].map(name => [name, urlPrefix + name] as const)
      const ofInputs = inputs
        .flatMap(name => [name, name + DEAD_LETTERS])
        .map(name => [name, urlOfInput(urlPrefix, name)] as const)
      const counts = await Promise.all(
        [...results, ...ofInputs].map(async ([name, url]) => [name, await countAll(client, url)] as const),
      )
      return Object.fromEntries(counts.filter(([, messages]) => messages > 0))
    })

/**
 * Counts all messages of a queue. A queue that does not exist counts as empty, because a new input in pipeline.yaml has
 * no queue before the deployment.
 */
async function countAll(client: SQSClient, url: string): Promise<number> {
  try {
    return await count(client, url, [...WAITING, 'ApproximateNumberOfMessagesNotVisible'])
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return 0
    throw error
  }
}

async function count(client: SQSClient, url: string, names: QueueAttributeName[]): Promise<number> {
  const { Attributes = {} } = await client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: names }))
  return Object.values(Attributes).reduce((sum, number) => sum + Number(number), 0)
}
