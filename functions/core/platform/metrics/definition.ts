/**
 * The sources of a metric's values: functions, or API Gateway's access log, whose lines a metric filter of CloudWatch
 * counts.
 */
export type Source =
  | 'gateway'
  | 'reader'
  | 'intake'
  | 'worker'
  | 'collector'
  | 'sweeper'
  | 'every function'
  | 'access log'

/**
 * When a function has values of a metric. CloudWatch bills a metric for the hours in which it has values, so the bill
 * needs this. `in trouble`: only if something is refused, deferred, lost or failed. `with a broker`, `with inputs`,
 * `with batches`: only if pipeline.yaml has them.
 */
export type Appears = 'with a broker' | 'with requests' | 'with inputs' | 'with batches' | 'in trouble'

/**
 * Where CloudWatch keeps a metric. Each dimension set costs 0.30 USD per month. `per service`: with the dimension `service`.
 * `per model`: with the dimensions `service` and `model`; the sum over all models is computed from these. `per service and queue`: with the
 * dimensions `service` and `queue`. `only in the log`: as a field of the log line, which is no metric and costs nothing more. CloudWatch Logs
 * Insights can read it there.
 */
export type OnCloudWatch = 'per service' | 'per model' | 'per service and queue' | 'only in the log'

export interface MetricDefinition {
  /**
   * `counter`: CloudWatch and Prometheus add its values. `gauge`: a value that rises and falls. `histogram`: a
   * distribution of values.
   */
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** CloudWatch's unit. */
  readonly unit: 'Count' | 'Seconds'
  /** The thing that is counted, in the singular. */
  readonly thing?: string
  /** One sentence. It says what the metric counts or measures. */
  readonly description: string
  readonly sources: Readonly<Partial<Record<Source, Appears>>>
  /** Default: `per service`. */
  readonly on_cloudwatch?: OnCloudWatch
  /** The upper bounds of a histogram's buckets, in OTLP and in Prometheus. CloudWatch gets the values themselves. */
  readonly buckets?: readonly number[]
  /**
   * The metric's name and attributes in OpenTelemetry's conventions, if these have such a metric. Default: a name that
   * is made from the metric's own name.
   */
  readonly convention?: { readonly name: string; readonly attributes: Readonly<Record<string, string>> }
}

/** The buckets of OpenTelemetry's conventions for `gen_ai.client.token.usage`. */
export const TOKEN_BUCKETS = [
  1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
]

/** The buckets of OpenTelemetry's conventions for `gen_ai.client.operation.duration`, in seconds. */
export const CALL_BUCKETS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]

/** The buckets of waits, from a tenth of a second to the longest `queue.expire_after`, in seconds. */
export const WAIT_BUCKETS = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 345_600, 1_123_200,
]

export const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 1_000, 10_000]
