import { endedEvent } from '../domain/events.ts'
import { type RequestItem, reservationOf } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { RESULTS_QUEUE } from '../queue/names.ts'
import { discardBody } from './discard-body.ts'
import type { LifecyclePorts } from './ports.ts'

/**
 * After an item has ended: tells the ledger and deletes a body that nobody needs, then closes the reservation as the item
 * says. In this order, since the open reservation is what brings somebody back if the send was lost, or the process died
 * (rule 4). Repeated, it changes nothing. `message`, where there is one, is what the dead letter of a failure
 * keeps.
 */
export async function finalizeRequest(
  ports: LifecyclePorts,
  item: RequestItem,
  message?: InferenceMessage,
): Promise<void> {
  const event = endedEvent(item, message)
  await Promise.all([
    event && ports.queue.send(RESULTS_QUEUE, { body: event, group: item.user_id }),
    discardBody(ports, item, message),
  ])
  await ports.quota.close([{ reservation: reservationOf(item), charge: item.charge }])
}
