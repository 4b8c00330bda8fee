import { claimIdOf, refusedClaim } from '../core/domain/claim.ts'
import type { RequestItem } from '../core/domain/item.ts'
import type { InferenceMessage } from '../core/domain/messages.ts'
import { ITEM_GRACE_MS } from '../core/domain/timing.ts'
import { tombstoneOf } from '../core/lifecycle/fail-undelivered.ts'
import { finalizeRequest } from '../core/lifecycle/finalize-request.ts'
import { rejectAbsent } from '../core/lifecycle/reject-request.ts'
import { sendLater, sendNow, withHints } from './defer.ts'
import type { Member } from './plan-batch.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { conclude, crashed } from './publish-outcome.ts'
import type { Claimed } from './types.ts'

/**
 * Looks whether a message still has a request that wants a call: a turn in a rate limit is not to be wasted on one that has
 * been cancelled. Answers with the message if so; otherwise it has been dealt with.
 */
export async function lookFirst(ports: WorkerPorts, member: Member): Promise<Member | undefined> {
  const { message } = member
  const item = await ports.items.get(message.user_id, message.request_id)
  if (!item) {
    await withoutItem(ports, message)
    return undefined
  }
  if (refusedClaim(item, message, ports.clock()).kind === 'again') return member
  const abandoned = await refused(ports, member, item)
  return abandoned && member
}

/**
 * Claims the request of a message. Without a claim, the message has been put back for later or dropped, or its request
 * ended, as the item says. Rejects with `Unavailable`: then it must come again.
 */
export async function claimRequest(
  ports: WorkerPorts,
  member: Member,
  { lease_until }: Invocation,
): Promise<Claimed | undefined> {
  const claim_id = claimIdOf(ports.ids.nonce(), member.isAlone)
  const terms = { claim_id, now: ports.clock(), lease_until }
  const claim = await ports.items.claim(member.message, terms)
  if (claim.claimed) return { ...member, item: claim.item, claim_id }
  if (!claim.item) {
    await withoutItem(ports, member.message)
    return undefined
  }
  const abandoned = await refused(ports, member, claim.item)
  if (!abandoned) return undefined
  const again = await ports.items.reclaim(abandoned, terms)
  if (again.claimed) return { ...member, item: again.item, claim_id }
  await sendLater(ports, member.message, 0)
  return undefined
}

/** Deals with a message whose claim was refused; answers with its item if a worker has left that, and it may be taken over. */
async function refused(
  ports: WorkerPorts,
  { message, isAlone }: Member,
  item: RequestItem,
): Promise<RequestItem | undefined> {
  const now = ports.clock()
  const refusal = refusedClaim(item, message, now)
  switch (refusal.kind) {
    case 'drop':
      return undefined
    case 'wait':
      await sendLater(ports, message, refusal.until)
      return undefined
    case 'expire': {
      const expired = await ports.items.expire(item, now)
      await (expired ? finalizeRequest(ports, expired, message) : sendLater(ports, message, now))
      return undefined
    }
    case 'reclaim':
      if (isAlone) return item
      // It may take the next worker with it as well: not again together with others, who would not be told from it.
      await sendNow(ports, withHints(message, { alone: true }))
      return undefined
    case 'give up':
      await conclude(ports, message, crashed(item, now))
      return undefined
    case 'again':
      await sendLater(ports, message, now)
      return undefined
  }
}

/**
 * The gateway writes the item and sends the message at once: the item mostly comes a moment later, and past the grace it
 * never will. So each wait is as long as the message is old: few looks in all, and no request is held up for long.
 */
async function withoutItem(ports: WorkerPorts, message: InferenceMessage): Promise<void> {
  const now = ports.clock()
  const age = now - message.created_at
  if (age < ITEM_GRACE_MS) return sendLater(ports, message, now + Math.min(age, ITEM_GRACE_MS - age))
  const item = await rejectAbsent(ports, tombstoneOf(message, now), message)
  if (item.status !== 'rejected') await sendLater(ports, message, now)
}
