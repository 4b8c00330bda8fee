import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'

/** JSON logs and EMF metrics, set up by Powertools' own environment variables. No prompt and no result goes in. */
export interface Telemetry {
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Parts of Powertools' lines that no log may hold (no stack trace, no AWS identifier); an error's `location` stays. */
const WITHHELD = new Set(['stack', 'function_arn'])

export function telemetry(env: { LOG_FIELDS: string }): Telemetry {
  // Lambda sets it to the level of its own filter, which metrics have to pass; Powertools would take it before POWERTOOLS_LOG_LEVEL.
  delete process.env.AWS_LAMBDA_LOG_LEVEL
  return {
    logger: new Logger({
      persistentKeys: JSON.parse(env.LOG_FIELDS),
      jsonReplacerFn: (key, value) => (WITHHELD.has(key) ? undefined : value),
    }),
    metrics: new Metrics(),
  }
}
