import { GetQueueAttributesCommand, QueueDoesNotExist, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { reaching } from '../platform/unavailable.ts'

/** Answers whether there is a queue of a name. Rejects with `Unavailable`. */
export type QueueExists = (queue: string) => Promise<boolean>

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

/** Sends a text as it is to an input queue; answers whether there is one of that name. Rejects with `Unavailable`. */
export type SendInput = (queue: string, text: string) => Promise<boolean>

/** An input's name is the whole name of its queue. It shares only the account with the stack's own queues. */
export const sqsSendInput =
  (client: SQSClient, urlPrefix: string): SendInput =>
  (queue, text) =>
    reaching('the queue', async () => {
      const QueueUrl = urlPrefix.slice(0, urlPrefix.lastIndexOf('/') + 1) + queue
      try {
        await client.send(new SendMessageCommand({ QueueUrl, MessageBody: text }))
        return true
      } catch (error) {
        if (error instanceof QueueDoesNotExist) return false
        throw error
      }
    })

/** Counts about how many messages of a queue wait, deferred ones included. Rejects with `Unavailable`. */
export type CountWaiting = (queue: string) => Promise<number>

export const sqsCountWaiting =
  (client: SQSClient, urlPrefix: string): CountWaiting =>
  queue =>
    reaching('the queue', async () => {
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl: urlPrefix + queue,
          AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesDelayed'],
        }),
      )
      return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0)
    })
