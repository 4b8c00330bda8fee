import { type RequestItem, reservationOf } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { finalizeRequest } from './finalize-request.ts'
import type { LifecyclePorts } from './ports.ts'

/**
 * Writes the tombstone of a request, and only then releases the reservation (rule 6). In the other order, the gateway
 * could still write the item in between, and the request would run without a reservation and without a charge. This is
 * for a function that has found the message or the reservation of a request, but no item. An item that was written
 * meanwhile is not changed, because the gateway may have answered 202 for it.
 */
export async function rejectAbsent(
  ports: LifecyclePorts,
  tombstone: RequestItem,
  message?: InferenceMessage,
): Promise<RequestItem> {
  return releaseRejected(ports, tombstone, await ports.items.create(tombstone), message)
}

/**
 * Sends the event of a rejected request, deletes its body and releases its reservation, for `rejectAbsent` and for the
 * gateway. `item` is the stored item after the attempt to write the tombstone. If it is no tombstone, nothing is done.
 */
export async function releaseRejected(
  ports: LifecyclePorts,
  tombstone: RequestItem,
  item: RequestItem,
  message?: InferenceMessage,
): Promise<RequestItem> {
  if (item.status === 'rejected') await finalizeRequest(ports, { ...item, ...reservationOf(tombstone) }, message)
  return item
}
