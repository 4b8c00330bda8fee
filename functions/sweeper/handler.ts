import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { sweep } from './sweep.ts'

const ports = compose(Env.parse(process.env))

async function handle(): Promise<void> {
  const swept = await sweep(ports)
  if (swept.closed > 0 || swept.failed > 0) ports.logger.warn('reservations were left open', { ...swept })
  ports.metrics.addMetric('StaleReservations', 'Count', swept.closed)
}

export const handler = middy(handle).use(injectLambdaContext(ports.logger)).use(logMetrics(ports.metrics))
