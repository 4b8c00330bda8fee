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
  /** Where metrics go by OTLP/HTTP, beside CloudWatch. Without it, they do not. The name is OpenTelemetry's own. */
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: z.url().optional(),
})
export type BaseEnv = z.infer<typeof BaseEnv>

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
