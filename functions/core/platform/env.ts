import * as z from 'zod'

/** The variables of every function. The names are those of Powertools. */
export const BaseEnv = z.object({
  POWERTOOLS_SERVICE_NAME: z.string(),
  POWERTOOLS_METRICS_NAMESPACE: z.string(),
  POWERTOOLS_LOG_LEVEL: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']),
  /**
   * The name of the deployment. All its functions count their defects (errors of Sluice itself) under this name, so
   * that one alarm watches all functions.
   */
  DEPLOYMENT: z.string(),
  /** A JSON object whose fields are in every log line. */
  LOG_FIELDS: z.string(),
  /**
   * The URL to which traces are sent by OTLP/HTTP. If it is absent or empty, tracing is off. The names are those of
   * OpenTelemetry.
   */
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional(),
  /** The fraction of the traces beginning in this function that is sampled, from 0 to 1. Default: 1. */
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.\d+)?|1)$/)
    .optional(),
  /**
   * Whether the exports of traces failed when this environment started. Only the local system sets this variable. Its
   * environments (threads) end often, and a new one goes on for the one that has logged the failure.
   */
  OTLP_EXPORTS_FAIL: z.literal('true').optional(),
  /**
   * The URL to which metrics are sent by OTLP/HTTP, in addition to CloudWatch. Without it, they are not sent by OTLP.
   * The name is that of OpenTelemetry.
   */
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: z.url().optional(),
})
export type BaseEnv = z.infer<typeof BaseEnv>

/** The variables with which a function reaches Postgres through the RDS Data API. */
export const LedgerEnv = z.object({
  LEDGER_CLUSTER_ARN: z.string(),
  LEDGER_SECRET_ARN: z.string(),
  LEDGER_DATABASE: z.string(),
})
export type LedgerEnv = z.infer<typeof LedgerEnv>

export { QueueEnv } from './queue-env.ts'
export type { RabbitMqEnv } from './queue-env-rabbitmq.ts'
