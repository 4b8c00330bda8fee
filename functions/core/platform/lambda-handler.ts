import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import type { Metrics } from '@aws-lambda-powertools/metrics'
import middy, { type MiddlewareObj } from '@middy/core'
import type { Context } from 'aws-lambda'
import { stripErrorStack } from './strip-error-stack.ts'
import type { Telemetry } from './telemetry.ts'

/**
 * The Lambda handler around a use case. Each log line tells its invocation, what the use case counted is written at its end,
 * and an error that it throws is logged and thrown without a stack. `errors` is for a function that answers its errors.
 */
export const lambdaHandler = <Ports extends Telemetry, Event, Result>(
  ports: Ports,
  useCase: (ports: Ports, event: Event, context: Context) => Promise<Result>,
  errors: MiddlewareObj<Event> = stripErrorStack(ports.logger),
) =>
  middy((event: Event, context: Context) => useCase(ports, event, context))
    .use(injectLambdaContext(ports.logger))
    .use(publishMetrics(ports.metrics))
    .use(errors)

/** Powertools' own middleware warns of each invocation that counted nothing, as most of the reader's do. */
function publishMetrics(metrics: Metrics): MiddlewareObj {
  const publish = () => {
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics()
  }
  return { after: publish, onError: publish }
}
