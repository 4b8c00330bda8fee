import * as z from 'zod'

/**
 * The variable with which a function reaches the queues of SQS. The URL of a queue is this prefix and the queue's name
 * (`queueName` in functions/core/queue/names.ts). One variable per queue would not fit into the 4 KB that Lambda allows
 * for all environment variables. The bundler replaces this file if pipeline.yaml says `backend: rabbitmq`
 * (lib/bundle.ts).
 */
export const QueueEnv = z.object({ QUEUE_URL_PREFIX: z.string() })
export type QueueEnv = z.infer<typeof QueueEnv>
