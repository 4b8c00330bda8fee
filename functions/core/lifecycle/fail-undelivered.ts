import type { Failure, RequestItem } from '../domain/item.ts'
import { identityOf, isTerminal, reservationOf } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { ITEM_RETENTION_MS } from '../domain/timing.ts'
import { endRequest } from './finalize-request.ts'
import type { LifecyclePorts } from './ports.ts'
import { rejectAbsent } from './reject-request.ts'

const CRASHED: Failure = { code: 'worker_crashed', message: 'no worker could run the request to its end' }
const NEVER_BEGUN: Failure = { code: 'unavailable', message: 'no worker could begin with the request' }

/**
 * Ends the request of a message that its queue gave up. Answers whether the message is done with: a live lease or a
 * waiting retry is never failed, so that message has to come again. Rejects with `Unavailable`.
 */
export async function bury(ports: LifecyclePorts, message: InferenceMessage, now: number): Promise<boolean> {
  const item = await ports.items.get(message.user_id, message.request_id)
  if (!item) return (await rejectAbsent(ports, tombstoneOf(message, now), message)).status === 'rejected'
  if (isTerminal(item.status) || item.run !== message.run || item.fingerprint !== message.fingerprint) return true
  const ended = await ports.items.giveUp(item, item.attempt === 0 ? NEVER_BEGUN : CRASHED, now)
  if (ended) await endRequest(ports, ended, message)
  return ended !== undefined
}

/** The item of a request that was never accepted, as far as its message knows it. */
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
