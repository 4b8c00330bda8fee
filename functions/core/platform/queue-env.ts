import * as z from 'zod'

/**
 * The variable with which a function reaches the queues of SQS. The URL of a queue is this prefix and the queue's name
 * (`queueName` in functions/core/queue/names.ts). One variable per queue would not fit into Lambda's 4 KB of
 * environment. The bundler replaces this file if pipeline.yaml says `backend: rabbitmq` (lib/bundle.ts).
 */
export const QueueEnv = z.object({ QUEUE_URL_PREFIX: z.string() })
export type QueueEnv = z.infer<typeof QueueEnv>
