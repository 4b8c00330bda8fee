import type { Clock } from '../platform/clock.ts'
import { lambdaHandler } from '../platform/lambda-handler.ts'
import type { Telemetry } from '../platform/telemetry.ts'
import type { QueueReceiver, TakeBatch } from './port.ts'

interface HandlerPorts<Event, Response> extends Telemetry {
  readonly queue: QueueReceiver<Event, Response>
  readonly clock: Clock
}

/** Makes the Lambda handler of a function that takes batches of a queue. */
export const queueHandler = <Event, Response, Ports>(
  ports: Ports & HandlerPorts<Event, Response>,
  takeBatch: TakeBatch<Ports>,
) =>
  lambdaHandler(ports, async ({ queue, clock }, event: Event, context) => {
    const endsAt = clock() + context.getRemainingTimeInMillis()
    return queue.response(await takeBatch(ports, queue.deliveries(event), { ends_at: endsAt }), event)
  })
