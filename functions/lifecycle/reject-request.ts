import { type RequestItem, reservationOf } from '../requests/item.ts'
import { endRequest } from './end-request.ts'
import type { LifecyclePorts } from './ports.ts'

/**
 * Takes back a request that may be half admitted: a tombstone first, and only if that won, the reservation. Answers
 * with the item as it is: `rejected`, or whatever it has become because it was accepted after all.
 */
export async function rejectRequest(ports: LifecyclePorts, tombstone: RequestItem): Promise<RequestItem> {
  const item = await ports.items.reject(tombstone)
  if (item.status === 'rejected') await endRequest(ports, { ...item, ...reservationOf(tombstone) })
  return item
}
