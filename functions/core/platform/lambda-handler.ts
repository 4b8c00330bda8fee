import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy, { type MiddlewareObj } from '@middy/core'
import type { Context } from 'aws-lambda'
import { stripErrorStack } from './strip-error-stack.ts'
import type { Telemetry } from './telemetry.ts'

/** How long a function that no client waits for waits for the export of its metrics and spans. Milliseconds. */
const FLUSH_MS = 1_000

/** The same for a function that a client waits for. Milliseconds. */
export const CLIENT_FLUSH_MS = 50

interface HandlerOptions {
  /** How long an invocation waits at most for the export of its metrics and spans, in milliseconds. */
  readonly flushMs?: number
}

/**
 * Makes the Lambda handler around a use case. Each log line tells its invocation, what the use case counted is written
 * at its end, and an error that it throws is logged and thrown without a stack.
 */
export const lambdaHandler = <Ports extends Telemetry, Event, Result>(
  ports: Ports,
  useCase: (ports: Ports, event: Event, context: Context) => Promise<Result>,
  { flushMs = FLUSH_MS }: HandlerOptions = {},
) =>
  middy(async (event: Event, context: Context) => {
    await ports.tracing.prepare()
    return useCase(ports, event, context)
  })
    .use(injectLambdaContext(ports.logger))
    .use(publish(ports, flushMs))
    .use(stripErrorStack(ports.logger))

/** Lambda freezes the function after its answer, so that metrics and spans leave before. Both wait at the same time. */
function publish({ metrics, tracing }: Telemetry, flushMs: number): MiddlewareObj {
  const flush = async () => {
    await Promise.all([metrics.publish(flushMs), tracing.flush(flushMs)])
  }
  return { after: flush, onError: flush }
}
