import type { RequestItem } from '../core/domain/item.ts'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import { releaseRejected } from '../core/lifecycle/reject-request.ts'
import { isFailedCall } from '../core/platform/unavailable.ts'

/**
 * Withdraws a submission that failed. It does not matter whether the item or the message was written. Returns the item
 * after the withdrawal. The item is `rejected`, or it is accepted in spite of the failure, because a worker has already
 * begun (rule 6). Returns undefined if the state is unknown, because the tombstone (an item with the status `rejected`)
 * could not be written. Then the request may still run. A failed step throws nothing, because the caller throws the
 * error that led to the withdrawal. The sweeper repeats the step later, because it finds the open reservation.
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
