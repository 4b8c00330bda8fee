import { GetQueueAttributesCommand, QueueDoesNotExist, type SQSClient } from '@aws-sdk/client-sqs'
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

/** About how many messages of a queue wait, those that were put back for later included. Rejects with `Unavailable`. */
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
