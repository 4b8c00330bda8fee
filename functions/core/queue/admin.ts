import { GetQueueAttributesCommand, QueueDoesNotExist, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { reaching } from '../platform/unavailable.ts'
import type { CountWaiting, QueueExists, SendInput } from './admin-port.ts'

export type { CountWaiting, QueueExists, SendInput } from './admin-port.ts'

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
 * Makes the function that sends to input queues. An input's name is the whole name of its queue. It is only in the same
 * account as the stack's own queues.
 */
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
