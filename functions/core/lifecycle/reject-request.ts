import { type RequestItem, reservationOf } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { finalizeRequest } from './finalize-request.ts'
import type { LifecyclePorts } from './ports.ts'

/**
 * Takes back a submission of one's own that may be half done: a tombstone first, and only if that won, the reservation.
 * Answers with the item as it is: `rejected`, or whatever it has become because it was accepted after all.
 */
export async function rejectRequest(ports: LifecyclePorts, tombstone: RequestItem): Promise<RequestItem> {
  return release(ports, tombstone, await ports.items.reject(tombstone))
}

/**
 * The same for a request of which only its message or its reservation was met. An item that has come meanwhile stays as
 * it is: whoever wrote it may have accepted it by now.
 */
export async function rejectAbsent(
  ports: LifecyclePorts,
  tombstone: RequestItem,
  message?: InferenceMessage,
): Promise<RequestItem> {
  return release(ports, tombstone, await ports.items.create(tombstone), message)
}

async function release(
  ports: LifecyclePorts,
  tombstone: RequestItem,
  item: RequestItem,
  message?: InferenceMessage,
): Promise<RequestItem> {
  if (item.status === 'rejected') await finalizeRequest(ports, { ...item, ...reservationOf(tombstone) }, message)
  return item
}
