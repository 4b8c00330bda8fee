import type { RequestItem } from '../core/domain/item.ts'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import { rejectRequest } from '../core/lifecycle/reject-request.ts'
import { isFailedCall } from '../core/platform/unavailable.ts'

/**
 * Withdraws a submission that failed, whatever it has written. Answers with the item as it is then: `rejected`, or accepted
 * after all. Undefined when the withdrawal fails, too: the caller has the first error, and the sweeper finds the
 * open reservation.
 */
export async function withdrawSubmission(
  ports: LifecyclePorts,
  item: RequestItem,
  now: number,
): Promise<RequestItem | undefined> {
  try {
    return await rejectRequest(ports, { ...item, status: 'rejected', completed_at: now })
  } catch (error) {
    if (isFailedCall(error)) return undefined
    throw error
  }
}
