import type { AwsClients } from '../platform/aws-clients.ts'
import type { QueueEnv } from '../platform/env.ts'
import { type Tracer, untraced } from '../platform/tracing/port.ts'
import { sqsQueue, sqsReceiver, sqsRedelivery } from './sqs.ts'
import { tracedQueue } from './traced-queue.ts'

/** Makes the queues of this deployment. Only this file decides that they are SQS queues. */
export const composeQueue = (env: QueueEnv, { sqs }: Pick<AwsClients, 'sqs'>, tracing: Tracer = untraced) => ({
  ...tracedQueue(sqsQueue(sqs, env.QUEUE_URL_PREFIX), tracing),
  ...sqsReceiver,
  ...sqsRedelivery(sqs, env.QUEUE_URL_PREFIX),
})

/** The queues, for sending and for receiving. The types of their events and responses are those of the platform. */
export type ComposedQueue = ReturnType<typeof composeQueue>
