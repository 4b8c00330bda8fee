import type { RequestItem, Status } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { ignoreUnavailable } from '../platform/unavailable.ts'
import { bodyKey } from '../stores/payloads/names.ts'
import type { LifecyclePorts } from './ports.ts'

/** Ends after which a request never runs again. What has failed may be redriven, and needs its body for that. */
const NEVER_RUNS_AGAIN: ReadonlySet<Status> = new Set(['cancelled', 'expired', 'rejected'])

/**
 * Deletes the stored body of a request that has ended without an outcome: nobody pays for it, and nobody reads it again.
 * Repeated, it changes nothing. Where it can't be deleted it stays, until the bucket's lifecycle rule deletes it: that is no
 * reason for a request not to end. An item does not say whether its body was stored; its message, where there is one, does.
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
