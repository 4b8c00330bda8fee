import type { AwsClients } from '../platform/aws-clients.ts'
import type { QueueEnv } from '../platform/env.ts'
import { sqsQueue, sqsReceiver, sqsRedelivery } from './sqs.ts'

/** The queues of this deployment. Only this file says that they are SQS's. */
export const composeQueue = (env: QueueEnv, { sqs }: Pick<AwsClients, 'sqs'>) => ({
  ...sqsQueue(sqs, env.QUEUE_URL_PREFIX),
  ...sqsReceiver,
  ...sqsRedelivery(sqs, env.QUEUE_URL_PREFIX),
})

/** Queues to send to and to receive from. Their types of events and responses are the platform's. */
export type ComposedQueue = ReturnType<typeof composeQueue>
