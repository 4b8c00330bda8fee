import { Logger } from '@aws-lambda-powertools/logger'
import type { LogItemExtraInput, LogItemMessage } from '@aws-lambda-powertools/logger/types'
import { Metrics } from '@aws-lambda-powertools/metrics'
import { composeTracing, type TracingEnv } from './tracing/compose.ts'
import { type Tracing, untraced } from './tracing/port.ts'
import { Unavailable } from './unavailable.ts'

/** JSON logs and EMF metrics, set up by Powertools' own environment variables, and traces. They never hold a prompt or a result. */
export interface Telemetry {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly tracing: Tracing
}

/** Parts of Powertools' lines that no log may hold: a stack trace, an AWS identifier. An error's `location` stays. */
const WITHHELD = new Set(['stack', 'function_arn'])

interface TelemetryEnv extends TracingEnv {
  readonly LOG_FIELDS: string
}

/** `isTraced` is false for a function that no request passes through: it loads no SDK for traces. */
export function telemetry(env: TelemetryEnv, { isTraced = true } = {}): Telemetry {
  // Lambda sets it to the level of its own filter, which metrics have to pass. Powertools would prefer it to POWERTOOLS_LOG_LEVEL.
  delete process.env.AWS_LAMBDA_LOG_LEVEL
  const logger = new CountingLogger(env)
  const metrics = new Metrics()
  return { logger, metrics, tracing: isTraced ? composeTracing(env, logger, metrics) : untraced }
}

/**
 * Counts `Defects`: each line at level ERROR whose error is not an outage. It is counted where it is logged, so no function
 * can forget to. One metric for the whole deployment needs one alarm, however many functions there are.
 */
class CountingLogger extends Logger {
  readonly #deployment: string

  constructor({ LOG_FIELDS, DEPLOYMENT }: TelemetryEnv) {
    super({ persistentKeys: JSON.parse(LOG_FIELDS), jsonReplacerFn: replace })
    this.#deployment = DEPLOYMENT
  }

  override error(input: LogItemMessage, ...extra: LogItemExtraInput): void {
    super.error(input, ...extra)
    if ([input, ...extra].some(holdsDefect))
      new Metrics({ serviceName: this.#deployment, singleMetric: true }).addMetric('Defects', 'Count', 1)
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
