import * as z from 'zod'

/**
 * How to reach the queues of SQS. Queue URLs are this prefix and the queue's name (`queueName` in functions/core/queue/names.ts): a
 * variable a queue would not fit Lambda's 4 KB of environment. The bundler replaces this file where pipeline.yaml says
 * `backend: rabbitmq` (lib/bundle.ts).
 */
export const QueueEnv = z.object({ QUEUE_URL_PREFIX: z.string() })
export type QueueEnv = z.infer<typeof QueueEnv>
