import { claimIdOf, refusedClaim } from '../core/domain/claim.ts'
import type { RequestItem } from '../core/domain/item.ts'
import type { InferenceMessage } from '../core/domain/messages.ts'
import { ITEM_GRACE_MS } from '../core/domain/timing.ts'
import { tombstoneOf } from '../core/lifecycle/fail-undelivered.ts'
import { finalizeRequest } from '../core/lifecycle/finalize-request.ts'
import { rejectAbsent } from '../core/lifecycle/reject-request.ts'
import { DEFERRED_BY } from '../core/platform/tracing/attributes.ts'
import { checkOut } from '../core/stores/payloads/port.ts'
import { deferUntil, resend, withHints } from './defer.ts'
import type { WorkerPorts } from './ports.ts'
import { crashedOutcome, publishOutcome, storedPrompt } from './publish-outcome.ts'
import type { Claimed, ClaimedWithBody, Invocation, Planned } from './types.ts'

/**
 * Reads the item of a request before a claim, so that no slot (a time at which the rate limit allows one call) is
 * wasted on a request that was cancelled. Returns the request if it still needs a call. Otherwise it drops or defers
 * the message, or ends the request, and returns undefined.
 */
export async function keepIfWanted(ports: WorkerPorts, request: Planned): Promise<Planned | undefined> {
  const { message } = request
  const item = await ports.items.get(message.user_id, message.request_id)
  if (!item) {
    await settleMissingItem(ports, message)
    return undefined
  }
  if (refusedClaim(item, message, ports.clock()).kind === 'again') return request
  const abandoned = await settleRefusedClaim(ports, request, item)
  return abandoned && request
}

/**
 * Claims a request, and reads its body. If the item refuses the claim, it returns undefined. Then the message was
 * already deferred or dropped, or the request was ended, depending on the item's state. If it rejects with
 * `Unavailable`, the message must be redelivered.
 */
export async function claimRequest(
  ports: WorkerPorts,
  request: Planned,
  invocation: Invocation,
): Promise<ClaimedWithBody | undefined> {
  // The body is read before the claim, because the read may fail. After a claim, a failed read would use up an attempt,
  // and the request would wait until its lease has expired. A request that gets no permit is deferred, and needs no
  // body now. So the body is read after the permit, and a deferred request costs no read.
  const body = await bodyOf(ports, request)
  if (!body) return undefined
  const claimed = await claim(ports, request, invocation)
  return claimed && { ...claimed, body }
}

/**
 * Returns the body of a request, or undefined if the request needs no call any more. The stored body of a cancelled or
 * expired request is deleted. So a missing body is an error only if the item says that the request still needs a call.
 */
async function bodyOf(ports: WorkerPorts, request: Planned): Promise<Record<string, unknown> | undefined> {
  try {
    return (await checkOut(ports.payloads, request.message.body)) as Record<string, unknown>
  } catch (error) {
    if (await keepIfWanted(ports, request)) throw error
    return undefined
  }
}

async function claim(ports: WorkerPorts, request: Planned, { lease_until }: Invocation): Promise<Claimed | undefined> {
  const claimId = claimIdOf(ports.ids.nonce(), request.isolated)
  const terms = { claim_id: claimId, now: ports.clock(), lease_until }
  const first = await ports.items.claim(request.message, terms)
  if (first.claimed) return { ...request, item: first.item, claim_id: claimId }
  if (!first.item) {
    await settleMissingItem(ports, request.message)
    return undefined
  }
  const abandoned = await settleRefusedClaim(ports, request, first.item)
  if (!abandoned) return undefined
  const second = await ports.items.reclaim(abandoned, terms)
  if (second.claimed) return { ...request, item: second.item, claim_id: claimId }
  await deferUnclaimed(ports, request.message, 0, 'claim refused')
  return undefined
}

/**
 * Handles a message whose claim was refused: drops it, sends it again, or ends its request, as the item's state
 * demands. Returns the item only if the worker that held the claim is gone and this worker may claim the request.
 */
async function settleRefusedClaim(
  ports: WorkerPorts,
  { message, isolated }: Planned,
  item: RequestItem,
): Promise<RequestItem | undefined> {
  const now = ports.clock()
  const refusal = refusedClaim(item, message, now)
  switch (refusal.kind) {
    case 'drop':
      return undefined
    case 'wait':
      await deferUnclaimed(ports, message, refusal.until, 'claim refused')
      return undefined
    case 'expire': {
      const expired = await ports.items.expire(item, now)
      const prompt = storedPrompt(ports.settings, message)
      await (expired
        ? finalizeRequest(ports, expired, message, prompt)
        : deferUnclaimed(ports, message, now, 'claim refused'))
      return undefined
    }
    case 'reclaim':
      if (isolated || item.stopped) return item
      // The request may crash this worker, too. So its message is sent again with a hint (a value for the next
      // delivery) that the request must run alone. A further crash then interrupts no other request, and is certainly
      // caused by this one.
      await resend(ports, withHints(message, { alone: true }))
      return undefined
    case 'give up':
      await publishOutcome(ports, message, crashedOutcome(item, now))
      return undefined
    case 'again':
      await deferUnclaimed(ports, message, now, 'claim refused')
      return undefined
  }
}

/**
 * Handles a message that has no item. The gateway writes the item and sends the message at the same time, so the item
 * usually appears a moment later. After `ITEM_GRACE_MS`, the gateway can't write the item any more, so a tombstone is
 * written (an item that marks the request as rejected), and the request never runs. Each wait is as long as the message
 * is old. So the item is read only a few times, and a request whose item is only a little late waits only a little.
 */
async function settleMissingItem(ports: WorkerPorts, message: InferenceMessage): Promise<void> {
  const now = ports.clock()
  const age = now - message.created_at
  if (age < ITEM_GRACE_MS)
    return deferUnclaimed(ports, message, now + Math.min(age, ITEM_GRACE_MS - age), 'item missing')
  const item = await rejectAbsent(ports, tombstoneOf(message, now), message)
  if (item.status !== 'rejected') await deferUnclaimed(ports, message, now, 'claim refused')
}

/** Defers a message whose request can't be claimed yet, and says why in the span of the delivery. */
function deferUnclaimed(
  ports: WorkerPorts,
  message: InferenceMessage,
  until: number,
  why: 'item missing' | 'claim refused',
): Promise<void> {
  ports.tracing.current().set({ [DEFERRED_BY]: why })
  return deferUntil(ports, message, until)
}
