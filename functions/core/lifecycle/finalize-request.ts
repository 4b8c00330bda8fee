import { endedEvent } from '../domain/events.ts'
import { type RequestItem, reservationOf, traceAttributes } from '../domain/item.ts'
import type { InferenceMessage, Payload } from '../domain/messages.ts'
import { RESULTS_QUEUE } from '../queue/names.ts'
import { discardBody } from './discard-body.ts'
import type { LifecyclePorts } from './ports.ts'

/**
 * Does what is left to do once an item is terminal: tells the ledger and deletes the body, then closes the reservation as
 * the item says. The order matters: if the send is lost or the process dies, the open reservation brings the sweeper back
 * (rule 4). Repeated, it changes nothing. `message` is for the dead letter of a failure, if there is a message. `prompt` is for the ledger,
 * from who has the message where prompts are stored.
 */
export async function finalizeRequest(
  ports: LifecyclePorts,
  item: RequestItem,
  message?: InferenceMessage,
  prompt?: Payload,
): Promise<void> {
  const event = endedEvent(item, message, prompt)
  const [sent, discarded] = await Promise.allSettled([
    event && ports.queue.send(RESULTS_QUEUE, { body: event, group: item.user_id, ...traceAttributes(item) }),
    discardBody(ports, item, message),
  ])
  if (sent.status === 'rejected') throw sent.reason
  await ports.quota.close([{ reservation: reservationOf(item), charge: item.charge }])
  // A body that a defect keeps from being deleted keeps no reservation open.
  if (discarded.status === 'rejected') throw discarded.reason
}
