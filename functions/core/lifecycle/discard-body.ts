import type { RequestItem, Status } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { ignoreUnavailable } from '../platform/unavailable.ts'
import { bodyKey } from '../stores/payloads/names.ts'
import type { LifecyclePorts } from './ports.ts'

/**
 * The final statuses of requests that never run again, and whose body is deleted. A failed request may be redriven, and
 * then needs its body. The body of a completed request is kept for `observability.retention.payloads`.
 */
const NEVER_RUNS_AGAIN: ReadonlySet<Status> = new Set(['cancelled', 'expired', 'rejected'])

/**
 * Deletes the stored body of a cancelled, expired or rejected request, because no function reads it again. A repetition
 * changes nothing. If the store is unavailable, the request ends nevertheless, and the bucket's lifecycle rule deletes
 * the body later. If `message` contains the body itself, S3 has no body, and S3 is not called. The item does not show
 * where the body is, so without a message the deletion is always tried.
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
