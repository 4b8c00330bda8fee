import type { RateLimit } from './policies.ts'
import { roundOf } from './rate-limit.ts'
import type { Backlog } from './state.ts'

/**
 * The longest time from now to the slot of a request of the backlog, so that urgent requests get the earlier slots.
 * Milliseconds.
 */
export const MAX_SLOT_AHEAD_MS = 5_000

/** How long before its expected slot a request of the backlog comes back. Milliseconds. */
export const RETURN_AHEAD_MS = MAX_SLOT_AHEAD_MS / 2

/** The longest time by which a queue of a healthy system is late with a request of the backlog. Milliseconds. */
const MAX_QUEUE_LATENESS_MS = 5_000

/** Adds a request to the backlog. `at` is the next slot that could be given. */
export function joinBacklog(backlog: Backlog | undefined, at: number, limit: RateLimit): Backlog {
  if (!backlog || backlog.slot < at) return { slot: at, taken: 1, last_return: at - RETURN_AHEAD_MS }
  if (backlog.taken < limit.count) return { ...backlog, taken: backlog.taken + 1 }
  return { ...backlog, slot: backlog.slot + roundOf(limit), taken: 1 }
}

/**
 * Removes the backlog if no request has come back from it for longer than a round takes. Then its requests were
 * cancelled or have expired, and no other request should wait for them.
 */
export const dropAbandoned = (backlog: Backlog | undefined, now: number, limit: RateLimit): Backlog | undefined =>
  backlog && now <= backlog.last_return + roundOf(limit) + MAX_QUEUE_LATENESS_MS ? backlog : undefined

/** Notes that a request has come back from the backlog. */
export const noteReturn = (backlog: Backlog | undefined, now: number): Backlog | undefined =>
  backlog && { ...backlog, last_return: Math.max(backlog.last_return, now) }
