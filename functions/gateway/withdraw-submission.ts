import type { RequestItem } from '../core/domain/item.ts'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import { rejectRequest } from '../core/lifecycle/reject-request.ts'
import { Unavailable } from '../core/platform/unavailable.ts'

/**
 * Takes back what a failed submission may have left. Answers with the item as it is then: `rejected`, or accepted after
 * all; undefined when that could not be done either, and the open reservation is left for the next who meets it.
 */
export async function withdrawSubmission(
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
