import type { AwsClients } from '../platform/aws-clients.ts'
import type { QueueEnv } from '../platform/env.ts'
import { type Tracer, untraced } from '../platform/tracing/port.ts'
import { sqsQueue, sqsReceiver, sqsRedelivery } from './sqs.ts'
import { tracedQueue } from './traced-queue.ts'

/** Makes the queues of this deployment. Only this file says that they are SQS's. */
export const composeQueue = (env: QueueEnv, { sqs }: Pick<AwsClients, 'sqs'>, tracing: Tracer = untraced) => ({
  ...tracedQueue(sqsQueue(sqs, env.QUEUE_URL_PREFIX), tracing),
  ...sqsReceiver,
  ...sqsRedelivery(sqs, env.QUEUE_URL_PREFIX),
})

/** Queues to send to and to receive from. Their types of events and responses are the platform's. */
export type ComposedQueue = ReturnType<typeof composeQueue>
