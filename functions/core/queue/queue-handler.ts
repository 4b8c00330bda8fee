import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { Context } from 'aws-lambda'
import type { Clock } from '../platform/clock.ts'
import { rejectPlainly } from '../platform/strip-error-stack.ts'
import type { Telemetry } from '../platform/telemetry.ts'
import type { QueueReceiver, TakeBatch } from './port.ts'

interface HandlerPorts<Event, Response> extends Telemetry {
  readonly queue: QueueReceiver<Event, Response>
  readonly clock: Clock
}

/** The handler of a function that takes batches of a queue. A middleware for all such functions belongs here. */
export function queueHandler<Event, Response, Ports>(
  ports: Ports & HandlerPorts<Event, Response>,
  takeBatch: TakeBatch<Ports>,
) {
  const { queue, clock, logger, metrics } = ports
  const handle = async (event: Event, context: Context): Promise<Response> => {
    const ends_at = clock() + context.getRemainingTimeInMillis()
    return queue.response(await takeBatch(ports, queue.deliveries(event), { ends_at }))
  }
  return middy(handle).use(injectLambdaContext(logger)).use(rejectPlainly(logger)).use(logMetrics(metrics))
}
