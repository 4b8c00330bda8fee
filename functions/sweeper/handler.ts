import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import { readSettings } from '../core/platform/settings.ts'
import { stripErrorStack } from '../core/platform/strip-error-stack.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { Settings } from './settings.ts'
import { sweep } from './sweep.ts'

const ports = compose(Env.parse(process.env), readSettings(Settings))

async function handle(): Promise<void> {
  const { reasons, ...swept } = await sweep(ports)
  if (swept.closed > 0 || swept.failed > 0) ports.logger.warn('reservations were left open', swept)
  for (const reason of reasons) ports.logger.error('a reservation could not be looked after', reason)
  ports.metrics.addMetric('StaleReservations', 'Count', swept.closed)
  // A single failure is repaired by the next run. If none could be closed, the run itself fails, so that the alarm sees it.
  if (swept.closed === 0 && reasons[0]) throw reasons[0]
}

export const handler = middy(handle)
  .use(injectLambdaContext(ports.logger))
  .use(stripErrorStack(ports.logger))
  .use(logMetrics(ports.metrics))
