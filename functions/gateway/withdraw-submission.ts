import type { RequestItem } from '../core/domain/item.ts'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import { releaseRejected } from '../core/lifecycle/reject-request.ts'
import { isFailedCall } from '../core/platform/unavailable.ts'

/**
 * Withdraws a submission that failed, whatever it has written. Returns the item as it is then: `rejected`, or accepted
 * in spite of the failure (rule 6). Returns undefined if the state is unknown, because the tombstone could not be
 * written. The caller has the first error. If a step fails here, the sweeper does it later, because the sweeper finds
 * the open reservation.
 */
export async function withdrawSubmission(
  ports: LifecyclePorts,
  item: RequestItem,
  now: number,
): Promise<RequestItem | undefined> {
  const tombstone: RequestItem = { ...item, status: 'rejected', completed_at: now }
  const left = await unlessFailed(() => ports.items.reject(tombstone))
  if (left) await unlessFailed(() => releaseRejected(ports, tombstone, left))
  return left
}

async function unlessFailed<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    if (isFailedCall(error)) return undefined
    throw error
  }
}
