import { Logger } from '@aws-lambda-powertools/logger'
import type { LogItemExtraInput, LogItemMessage } from '@aws-lambda-powertools/logger/types'
import { systemClock } from './clock.ts'
import type { BaseEnv } from './env.ts'
import { emfLines } from './metrics/emf.ts'
import { metricsExport, NO_EXPORT } from './metrics/export.ts'
import type { Meter, Sample } from './metrics/meter.ts'
import { createRecorder } from './metrics/recorder.ts'
import { Unavailable } from './unavailable.ts'

/** JSON logs, set up by Powertools' own environment variables, and metrics. They never hold a prompt or a result. */
export interface Telemetry {
  readonly logger: Logger
  readonly metrics: PublishedMeter
}

/** A meter whose values leave the function. */
export interface PublishedMeter extends Meter {
  /**
   * Writes the values that were recorded since the last call as log lines, from which CloudWatch makes metrics. Where OTLP is
   * configured, it also exports them, and waits for that for at most so many milliseconds. Never rejects.
   */
  publish(withinMs: number): Promise<void>
}

/** Parts of Powertools' lines that no log may hold: a stack trace, an AWS identifier. An error's `location` stays. */
const WITHHELD = new Set(['stack', 'function_arn'])

export type TelemetryEnv = Pick<
  BaseEnv,
  | 'DEPLOYMENT'
  | 'LOG_FIELDS'
  | 'POWERTOOLS_SERVICE_NAME'
  | 'POWERTOOLS_METRICS_NAMESPACE'
  | 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'
>

/** `model`: the one that the function works for, if it is a worker. */
export function telemetry(env: TelemetryEnv, model?: string): Telemetry {
  // Lambda sets it to the level of its own filter, which metrics have to pass. Powertools would prefer it to POWERTOOLS_LOG_LEVEL.
  delete process.env.AWS_LAMBDA_LOG_LEVEL
  const url = env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT
  let exported = NO_EXPORT
  const write = (samples: readonly Sample[]) => {
    exported.take(samples)
    // Lambda replaces `console.log`, and its filter of levels would drop the lines: they have none.
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
  return { logger, metrics: { add: recorder.add, publish } }
}

/**
 * Counts `Defects`: each line at level ERROR whose error is not an outage. It is counted where it is logged, so no function
 * can forget to. One metric for the whole deployment needs one alarm, however many functions there are.
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

/** Powertools takes an error as it is, or under a name. */
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

/** A ZodError's message is the JSON of its issues, which may quote a value. Only the place and the code of each are logged. */
function placesOf(message: string): string {
  try {
    const issues: unknown = JSON.parse(message)
    if (!Array.isArray(issues)) return 'a value is not of its schema'
    return issues.map(({ path, code }) => `${[path].flat().join('.')} ${code}`).join(', ')
  } catch {
    return 'a value is not of its schema'
  }
}
