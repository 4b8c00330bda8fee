import type { Context } from 'aws-lambda'
import type { Clock } from '../platform/clock.ts'
import { lambdaHandler } from '../platform/lambda-handler.ts'
import type { Telemetry } from '../platform/telemetry.ts'
import type { QueueReceiver, TakeBatch } from './port.ts'

interface HandlerPorts<Event, Response> extends Telemetry {
  readonly queue: QueueReceiver<Event, Response>
  readonly clock: Clock
}

/** The Lambda handler of a function that takes batches of a queue. */
export function queueHandler<Event, Response, Ports>(
  ports: Ports & HandlerPorts<Event, Response>,
  takeBatch: TakeBatch<Ports>,
) {
  const { queue, clock } = ports
  return lambdaHandler(ports, async (_, event: Event, context: Context): Promise<Response> => {
    const ends_at = clock() + context.getRemainingTimeInMillis()
    return queue.response(await takeBatch(ports, queue.deliveries(event), { ends_at }))
  })
}
