import { endedEvent } from '../domain/events.ts'
import { type RequestItem, reservationOf, traceAttributes } from '../domain/item.ts'
import type { InferenceMessage, Payload } from '../domain/messages.ts'
import { RESULTS_QUEUE } from '../queue/names.ts'
import { discardBody } from './discard-body.ts'
import type { LifecyclePorts } from './ports.ts'

/**
 * Does the remaining steps after an item has become terminal. It sends the event for the ledger and deletes the body.
 * Then it closes the reservation: with the item's `charge`, the reservation is settled; without, it is released. The
 * order is important: if the send is lost or the process dies, the reservation is still open, so the sweeper finds it
 * and repeats these steps (rule 4). A repetition changes nothing. `message` is for the dead letter of a failure, if
 * there is a message. `prompt` is for the ledger, if prompts are stored and the caller has the message.
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
  // If a defect prevents the deletion of the body, the reservation is closed nevertheless. Otherwise it would use up a
  // part of the user's quota. The error is thrown last.
  if (discarded.status === 'rejected') throw discarded.reason
}
