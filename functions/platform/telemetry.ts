import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'

/** JSON logs and EMF metrics, set up by Powertools' own environment variables. No prompt and no result goes in. */
export interface Telemetry {
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Parts of Powertools' lines that no log may hold (no stack trace, no AWS identifier); an error's `location` stays. */
const WITHHELD = new Set(['stack', 'function_arn'])

export const telemetry = (env: { LOG_FIELDS: string }): Telemetry => ({
  logger: new Logger({
    persistentKeys: JSON.parse(env.LOG_FIELDS),
    jsonReplacerFn: (key, value) => (WITHHELD.has(key) ? undefined : value),
  }),
  metrics: new Metrics(),
})
