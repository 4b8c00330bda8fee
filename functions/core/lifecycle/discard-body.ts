import type { RequestItem, Status } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { ignoreUnavailable } from '../platform/unavailable.ts'
import { bodyKey } from '../stores/payloads/names.ts'
import type { LifecyclePorts } from './ports.ts'

/** The final statuses of requests that never run again. A failed request may be redriven, and then needs its body. */
const NEVER_RUNS_AGAIN: ReadonlySet<Status> = new Set(['cancelled', 'expired', 'rejected'])

/**
 * Deletes the stored body of a request that has ended without an outcome, because no function reads it again. A
 * repetition changes nothing. If the store is unavailable, the request ends nevertheless, and the bucket's lifecycle
 * rule deletes the body later. If `message` shows that the body was not stored, no deletion is made, which saves a call
 * of S3. The item does not show this, so without a message the deletion is always tried.
 */
export async function discardBody(
  { payloads }: Pick<LifecyclePorts, 'payloads'>,
  item: Pick<RequestItem, 'user_id' | 'request_id' | 'status'>,
  message?: InferenceMessage,
): Promise<void> {
  const wasNotStored = message !== undefined && 'inline' in message.body
  if (wasNotStored || !NEVER_RUNS_AGAIN.has(item.status)) return
  await payloads.delete(bodyKey(item)).catch(ignoreUnavailable)
}
