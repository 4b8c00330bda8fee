import type { RateLimit } from './policies.ts'
import { roundOf } from './rate-limit.ts'
import type { Backlog } from './state.ts'

/**
 * A request of normal priority gets a slot only if the slot is at most this far ahead. Milliseconds. Otherwise many
 * such requests could book the slots of the next minutes, and urgent requests would have to wait behind them. A request
 * that gets no slot joins the backlog: its message is delivered again shortly before the slot that it can expect.
 */
export const MAX_SLOT_AHEAD_MS = 5_000

/**
 * How long before its expected slot a request of the backlog is delivered again, to ask for the slot. If the delivery
 * is late by less than this, or the slot has become later by less than this, the request still gets its slot.
 * Milliseconds.
 */
export const RETURN_AHEAD_MS = MAX_SLOT_AHEAD_MS / 2

/**
 * How late at most the queue of a healthy system delivers a message of the backlog again. If no message of the backlog
 * comes for one round and this time, the backlog counts as abandoned. Milliseconds.
 */
const MAX_QUEUE_LATENESS_MS = 5_000

/**
 * Adds a request to the backlog. `at` is the next slot that could be granted. If as many requests expect the backlog's latest
 * slot as the rate limit allows in one interval, the new request expects a slot one round later. A round is the time from
 * the first of `count` calls to the first of the next `count` calls.
 */
export function joinBacklog(backlog: Backlog | undefined, at: number, limit: RateLimit): Backlog {
  if (!backlog || backlog.slot < at) return { slot: at, taken: 1, last_return: at - RETURN_AHEAD_MS }
  if (backlog.taken < limit.count) return { ...backlog, taken: backlog.taken + 1 }
  return { ...backlog, slot: backlog.slot + roundOf(limit), taken: 1 }
}

/**
 * Removes the backlog if no request of the backlog has asked again for longer than a round takes. Then these requests
 * were cancelled or have expired, and other requests must not wait behind them.
 */
export const dropAbandoned = (backlog: Backlog | undefined, now: number, limit: RateLimit): Backlog | undefined =>
  backlog && now <= backlog.last_return + roundOf(limit) + MAX_QUEUE_LATENESS_MS ? backlog : undefined

/** Notes that a request of the backlog has asked again for a slot. */
export const noteReturn = (backlog: Backlog | undefined, now: number): Backlog | undefined =>
  backlog && { ...backlog, last_return: Math.max(backlog.last_return, now) }
