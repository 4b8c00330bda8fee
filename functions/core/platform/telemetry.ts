import { Logger } from '@aws-lambda-powertools/logger'
import type { LogItemExtraInput, LogItemMessage } from '@aws-lambda-powertools/logger/types'
import { systemClock } from './clock.ts'
import type { BaseEnv } from './env.ts'
import { emfLines } from './metrics/emf.ts'
import { metricsExport, NO_EXPORT } from './metrics/export.ts'
import type { Meter, Sample } from './metrics/meter.ts'
import { createRecorder } from './metrics/recorder.ts'
import { composeTracing, type TracingEnv } from './tracing/compose.ts'
import { type Tracing, untraced } from './tracing/port.ts'
import { Unavailable } from './unavailable.ts'

/**
 * The logs, metrics and traces of a function. Logs are JSON, and Powertools' environment variables configure them. None
 * of these ever contains a prompt or a result.
 */
export interface Telemetry {
  readonly logger: Logger
  readonly metrics: PublishedMeter
  readonly tracing: Tracing
}

/** A meter whose values are published. */
export interface PublishedMeter extends Meter {
  /**
   * Writes the values that were recorded since the last call as log lines, from which CloudWatch makes metrics. If OTLP
   * is configured, it also exports them, and waits for the export for at most `withinMs` milliseconds. Never rejects.
   */
  publish(withinMs: number): Promise<void>
}

/**
 * The fields of Powertools' lines that no log may contain: a stack trace, and an AWS identifier. An error's `location`
 * (its file and line) stays.
 */
const WITHHELD = new Set(['stack', 'function_arn'])

export type TelemetryEnv = Pick<
  BaseEnv,
  | 'DEPLOYMENT'
  | 'LOG_FIELDS'
  | 'POWERTOOLS_SERVICE_NAME'
  | 'POWERTOOLS_METRICS_NAMESPACE'
  | 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'
> &
  TracingEnv

interface TelemetryOptions {
  /** The model that the function works for, if it is a worker. */
  readonly model?: string
  /**
   * False for a function that works on no requests, such as the migrator. This function then loads no SDK for traces,
   * and starts faster.
   */
  readonly isTraced?: boolean
}

export function telemetry(env: TelemetryEnv, { model, isTraced = true }: TelemetryOptions = {}): Telemetry {
  // Lambda sets this variable to the level of its own filter, which lets the lines of metrics pass. Powertools would
  // use this level instead of POWERTOOLS_LOG_LEVEL. So the variable is deleted, and POWERTOOLS_LOG_LEVEL counts.
  delete process.env.AWS_LAMBDA_LOG_LEVEL
  const url = env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT
  let exported = NO_EXPORT
  const write = (samples: readonly Sample[]) => {
    exported.take(samples)
    // The lines don't go through `console.log`, because Lambda replaces it, and its filter would drop lines without a
    // level.
    for (const line of emfLines(samples, env.POWERTOOLS_METRICS_NAMESPACE, systemClock()))
      process.stdout.write(`${line}\n`)
  }
  const logger = new CountingLogger(env, () =>
    write([{ name: 'Defects', service: env.DEPLOYMENT, model: undefined, values: [1] }]),
  )
  if (url !== undefined) exported = metricsExport(url, env.DEPLOYMENT, logger)
  const recorder = createRecorder({ service: env.POWERTOOLS_SERVICE_NAME, model })
  const publish = (withinMs: number) => {
    write(recorder.take())
    return exported.flush(withinMs)
  }
  const metrics = { add: recorder.add, publish }
  return { logger, metrics, tracing: isTraced ? composeTracing(env, logger, metrics) : untraced }
}

/**
 * A logger that counts `Defects`: each line at level ERROR whose error is not an outage. Defects are counted where they
 * are logged, so that no function can forget to count one. `Defects` is one metric for the whole deployment, so that
 * one alarm is enough for all functions.
 */
class CountingLogger extends Logger {
  readonly #onDefect: () => void

  constructor({ LOG_FIELDS }: TelemetryEnv, onDefect: () => void) {
    super({ persistentKeys: JSON.parse(LOG_FIELDS), jsonReplacerFn: replace })
    this.#onDefect = onDefect
  }

  override error(input: LogItemMessage, ...extra: LogItemExtraInput): void {
    super.error(input, ...extra)
    if ([input, ...extra].some(holdsDefect)) this.#onDefect()
  }
}

/**
 * Returns whether a part of a log line has a defect. Powertools accepts an error itself, or an object with the error in
 * a field.
 */
function holdsDefect(part: unknown): boolean {
  if (part instanceof Error) return !(part instanceof Unavailable)
  return (
    typeof part === 'object' &&
    part !== null &&
    Object.values(part).some(value => value instanceof Error && holdsDefect(value))
  )
}

function replace(key: string, value: unknown): unknown {
  if (WITHHELD.has(key)) return undefined
  return isZodError(value) ? { ...value, message: placesOf(value.message) } : value
}

const isZodError = (value: unknown): value is { readonly name: string; readonly message: string } =>
  typeof value === 'object' &&
  value !== null &&
  'name' in value &&
  value.name === 'ZodError' &&
  'message' in value &&
  typeof value.message === 'string'

/**
 * Returns the places and codes in a ZodError's message. The message is the JSON of its issues, which may quote a value,
 * so only these parts are logged.
 */
function placesOf(message: string): string {
  try {
    const issues: unknown = JSON.parse(message)
    if (!Array.isArray(issues)) return 'a value is not of its schema'
    return issues.map(({ path, code }) => `${[path].flat().join('.')} ${code}`).join(', ')
  } catch {
    return 'a value is not of its schema'
  }
}
