import * as z from 'zod'

/** What every function is told: the names are Powertools' own. */
export const BaseEnv = z.object({
  POWERTOOLS_SERVICE_NAME: z.string(),
  POWERTOOLS_METRICS_NAMESPACE: z.string(),
  POWERTOOLS_LOG_LEVEL: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']),
  /** The name of the deployment: all its functions count their defects under it. */
  DEPLOYMENT: z.string(),
  /** JSON object whose fields are in every log line. */
  LOG_FIELDS: z.string(),
})

/** How to reach Postgres through the RDS Data API. */
export const LedgerEnv = z.object({
  LEDGER_CLUSTER_ARN: z.string(),
  LEDGER_SECRET_ARN: z.string(),
  LEDGER_DATABASE: z.string(),
})
export type LedgerEnv = z.infer<typeof LedgerEnv>

/**
 * Queue URLs are this prefix and the queue's name (`queueName` in functions/core/queue/names.ts): a variable a queue would not fit
 * Lambda's 4 KB of environment.
 */
export const QueueEnv = z.object({ QUEUE_URL_PREFIX: z.string() })
export type QueueEnv = z.infer<typeof QueueEnv>

/** How to reach queues of RabbitMQ. They replace the variables of SQS where pipeline.yaml says `backend: rabbitmq`. */
export const RabbitMqEnv = z.object({
  /** The names of the deployment's queues begin with it: `<name>-`. The queues of inputs have no prefix. */
  QUEUE_NAME_PREFIX: z.string(),
  /** `amqps://host:5671`, without credentials. */
  BROKER_URL: z.string(),
  /** A secret `{ "username", "password" }`. */
  BROKER_SECRET_ARN: z.string(),
  /** The number of queues that a model has per priority (`partsOf` in functions/core/queue/names.ts). */
  QUEUE_CONSUMERS: z.coerce.number().pipe(z.int().positive()),
})
export type RabbitMqEnv = z.infer<typeof RabbitMqEnv>
