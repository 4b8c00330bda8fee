import type { RequestItem, Status } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { ignoreUnavailable } from '../platform/unavailable.ts'
import { bodyKey } from '../stores/payloads/names.ts'
import type { LifecyclePorts } from './ports.ts'

/** The ends after which a request never runs again. A failed request may be redriven, and needs its body for that. */
const NEVER_RUNS_AGAIN: ReadonlySet<Status> = new Set(['cancelled', 'expired', 'rejected'])

/**
 * Deletes the stored body of a request that has ended without an outcome, since nobody reads it again. Repeated, it changes
 * nothing. If the store is unavailable, the body stays until the bucket's lifecycle rule deletes it: the request has to end all
 * the same. The message, where there is one, says whether the body was stored; the item does not.
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
