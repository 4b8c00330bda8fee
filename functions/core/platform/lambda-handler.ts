import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy, { type MiddlewareObj } from '@middy/core'
import type { Context } from 'aws-lambda'
import { stripErrorStack } from './strip-error-stack.ts'
import type { Telemetry } from './telemetry.ts'

/**
 * How long an invocation without a waiting client waits for the export of its metrics and spans, in milliseconds. An
 * export that takes longer goes on in the next invocation.
 */
const FLUSH_MS = 1_000

/**
 * How long an invocation with a waiting client waits for this export, in milliseconds. It is short, because the client
 * gets its answer only after this wait.
 */
export const CLIENT_FLUSH_MS = 50

interface HandlerOptions {
  /** The longest wait of an invocation for the export of its metrics and spans, in milliseconds. */
  readonly flushMs?: number
}

/**
 * Makes the Lambda handler around a use case. Each log line names its invocation. The values that the use case has
 * counted are written at its end. An error of the use case is logged, and thrown without its stack.
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

/**
 * Makes the middleware that sends metrics and spans before the answer, because Lambda freezes the function after its
 * answer, perhaps for hours. It waits for both at the same time.
 */
function publish({ metrics, tracing }: Telemetry, flushMs: number): MiddlewareObj {
  const flush = async () => {
    await Promise.all([metrics.publish(flushMs), tracing.flush(flushMs)])
  }
  return { after: flush, onError: flush }
}
