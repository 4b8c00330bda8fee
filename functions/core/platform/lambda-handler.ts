import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy, { type MiddlewareObj } from '@middy/core'
import type { Context } from 'aws-lambda'
import { stripErrorStack } from './strip-error-stack.ts'
import type { PublishedMeter, Telemetry } from './telemetry.ts'

/** How long a function that no client waits for waits for the export of its metrics. Milliseconds. */
const FLUSH_MS = 1_000

/** The same for a function that a client waits for. Milliseconds. */
export const CLIENT_FLUSH_MS = 50

interface HandlerOptions<Event> {
  /** For a function that answers its errors. */
  readonly errors?: MiddlewareObj<Event>
  /** How long an invocation waits at most for the export of its metrics, in milliseconds. */
  readonly flushMs?: number
}

/**
 * The Lambda handler around a use case. Each log line tells its invocation, what the use case counted is written at its end,
 * and an error that it throws is logged and thrown without a stack.
 */
export const lambdaHandler = <Ports extends Telemetry, Event, Result>(
  ports: Ports,
  useCase: (ports: Ports, event: Event, context: Context) => Promise<Result>,
  { errors = stripErrorStack(ports.logger), flushMs = FLUSH_MS }: HandlerOptions<Event> = {},
) =>
  middy((event: Event, context: Context) => useCase(ports, event, context))
    .use(injectLambdaContext(ports.logger))
    .use(publishMetrics(ports.metrics, flushMs))
    .use(errors)

/** Lambda freezes the function after its answer, so that the metrics leave before. */
function publishMetrics(metrics: PublishedMeter, flushMs: number): MiddlewareObj {
  const publish = () => metrics.publish(flushMs)
  return { after: publish, onError: publish }
}
