import { Logger } from '@aws-lambda-powertools/logger'
import type { LogItemExtraInput, LogItemMessage } from '@aws-lambda-powertools/logger/types'
import { systemClock } from './clock.ts'
import type { BaseEnv } from './env.ts'
import { emfLines } from './metrics/emf.ts'
import type { Meter } from './metrics/meter.ts'
import { createRecorder } from './metrics/recorder.ts'
import { Unavailable } from './unavailable.ts'

/** JSON logs, set up by Powertools' own environment variables, and metrics. They never hold a prompt or a result. */
export interface Telemetry {
  readonly logger: Logger
  readonly metrics: PublishedMeter
}

/** A meter whose values leave the function. */
export interface PublishedMeter extends Meter {
  /** Writes the values that were recorded since the last call as log lines, from which CloudWatch makes metrics. */
  publish(): void
}

/** Parts of Powertools' lines that no log may hold: a stack trace, an AWS identifier. An error's `location` stays. */
const WITHHELD = new Set(['stack', 'function_arn'])

export type TelemetryEnv = Pick<
  BaseEnv,
  'DEPLOYMENT' | 'LOG_FIELDS' | 'POWERTOOLS_SERVICE_NAME' | 'POWERTOOLS_METRICS_NAMESPACE'
>

/** `model`: the one that the function works for, if it is a worker. */
export function telemetry(env: TelemetryEnv, model?: string): Telemetry {
  // Lambda sets it to the level of its own filter, which metrics have to pass. Powertools would prefer it to POWERTOOLS_LOG_LEVEL.
  delete process.env.AWS_LAMBDA_LOG_LEVEL
  const defects = publishedMeter(env, { service: env.DEPLOYMENT })
  const logger = new CountingLogger(env, () => {
    defects.add('Defects', 1)
    defects.publish()
  })
  return { logger, metrics: publishedMeter(env, { service: env.POWERTOOLS_SERVICE_NAME, model }) }
}

function publishedMeter(
  { POWERTOOLS_METRICS_NAMESPACE: namespace }: TelemetryEnv,
  origin: Parameters<typeof createRecorder>[0],
): PublishedMeter {
  const recorder = createRecorder(origin)
  return {
    add: recorder.add,
    publish() {
      // Lambda replaces `console.log`, and its filter of levels would drop the lines: they have none.
      for (const line of emfLines(recorder.take(), namespace, systemClock())) process.stdout.write(`${line}\n`)
    },
  }
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
