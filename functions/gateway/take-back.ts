import type { LifecyclePorts } from '../lifecycle/ports.ts'
import { rejectRequest } from '../lifecycle/reject-request.ts'
import { Unavailable } from '../platform/unavailable.ts'
import type { RequestItem } from '../requests/item.ts'

/**
 * Takes back what a failed submission may have left. Answers with the item as it is then: `rejected`, or accepted after
 * all; undefined when that could not be done either, and the open reservation is left for the next who meets it.
 */
export async function takeBack(
  ports: LifecyclePorts,
  item: RequestItem,
  now: number,
): Promise<RequestItem | undefined> {
  try {
    return await rejectRequest(ports, { ...item, status: 'rejected', completed_at: now })
  } catch (error) {
    if (error instanceof Unavailable) return undefined
    throw error
  }
}
