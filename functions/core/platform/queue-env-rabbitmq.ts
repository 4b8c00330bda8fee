import * as z from 'zod'

/**
 * The variables with which a function reaches queues of RabbitMQ. They replace the variables of SQS if pipeline.yaml
 * says `backend: rabbitmq`.
 */
export const RabbitMqEnv = z.object({
  /** The beginning of the names of the deployment's queues: `<name>-`. The queues of inputs have no prefix. */
  QUEUE_NAME_PREFIX: z.string(),
  /** `amqps://host:5671`. Only the local system puts credentials into it. */
  BROKER_URL: z.string(),
  /** A secret `{ "username", "password" }`. It is read if the URL has no credentials. */
  BROKER_SECRET_ARN: z.string(),
  /** The number of a model's queues per priority (`partsOf` in functions/core/queue/names.ts). */
  QUEUE_CONSUMERS: z.coerce.number().pipe(z.int().positive()),
})
export type RabbitMqEnv = z.infer<typeof RabbitMqEnv>

/** The name under which functions import this schema, so that their code is the same for both backends. */
export { RabbitMqEnv as QueueEnv }
