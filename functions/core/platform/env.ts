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

export { QueueEnv } from './queue-env.ts'
export type { RabbitMqEnv } from './queue-env-rabbitmq.ts'
