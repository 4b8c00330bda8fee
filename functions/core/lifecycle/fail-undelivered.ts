import type { Failure, RequestItem } from '../domain/item.ts'
import { identityOf, isTerminal, reservationOf } from '../domain/item.ts'
import type { InferenceMessage, Payload } from '../domain/messages.ts'
import { ITEM_RETENTION_MS } from '../domain/timing.ts'
import { finalizeRequest } from './finalize-request.ts'
import type { LifecyclePorts } from './ports.ts'
import { rejectAbsent } from './reject-request.ts'

const CRASHED: Failure = { code: 'worker_crashed', message: 'no worker could run the request to its end' }
const NEVER_BEGUN: Failure = { code: 'unavailable', message: 'no worker could begin with the request' }

/** Facts for the ledger about a request that no worker could run to its end. */
export interface Told {
  /** The failure, if the caller knows it. */
  readonly reason?: Failure | undefined
  /** The prompt, if prompts are stored. */
  readonly prompt?: Payload | undefined
}

/**
 * Ends the request of a message that no worker could run: one from a dead-letter queue, or one whose worker met a
 * defect. Returns whether the message may be acknowledged. While a worker holds the lease (its right to run the request)
 * or a retry waits, the message must be redelivered, because the request may still succeed. Rejects with `Unavailable` if the service can't be reached.
 */
export async function failUndelivered(
  ports: LifecyclePorts,
  message: InferenceMessage,
  now: number,
  { reason, prompt }: Told = {},
): Promise<boolean> {
  const item = await ports.items.get(message.user_id, message.request_id)
  if (!item) return (await rejectAbsent(ports, tombstoneOf(message, now), message)).status === 'rejected'
  if (isTerminal(item.status) || item.run !== message.run || item.fingerprint !== message.fingerprint) return true
  const ended = await ports.items.giveUp(item, reason ?? (item.attempt === 0 ? NEVER_BEGUN : CRASHED), now)
  if (ended) await finalizeRequest(ports, ended, message, prompt)
  return ended !== undefined
}

/** Builds the tombstone of a request that was never accepted, from its message. */
export function tombstoneOf(message: InferenceMessage, now: number): RequestItem {
  return {
    ...identityOf(message),
    ...reservationOf(message),
    metadata: message.metadata,
    status: 'rejected',
    next_run: message.run + 1,
    attempt: 0,
    crashes: 0,
    completed_at: now,
    ttl: Math.floor((now + ITEM_RETENTION_MS) / 1000),
  }
}
