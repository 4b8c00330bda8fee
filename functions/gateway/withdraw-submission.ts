import type { RequestItem } from '../core/domain/item.ts'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import { rejectRequest } from '../core/lifecycle/reject-request.ts'
import { Unavailable } from '../core/platform/unavailable.ts'

/**
 * Withdraws a submission that failed, whatever it has written. Answers with the item as it is then: `rejected`, or accepted
 * after all. Undefined when a store is unavailable for this, too; then the open reservation brings the sweeper.
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
