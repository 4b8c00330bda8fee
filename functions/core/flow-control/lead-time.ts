import { MAX_SLOT_WAIT_MS, MIN_LEAD_TIME_MS } from './rate-limit.ts'

/**
 * Learns the lead time of a process, in milliseconds: the shortest time from the grant of a slot to the slot. A slot is
 * the time at which the rate limit allows one call. If the call is not ready at its slot, it loses the slot and must
 * ask for another one. In the lead time, the worker writes the state, claims the request, and fetches the body if it is
 * large. The lead time grows when a call misses its slot, but at most doubles, because one call may have been slow by
 * accident. It shrinks by a millisecond for each call that is in time.
 */
export function createLeadTime() {
  let ms = MIN_LEAD_TIME_MS
  return {
    now: () => ms,
    /** Learns from a call. If the call has missed its slot, `took` is the time until it was ready. */
    learn: (took: number | undefined) => {
      ms =
        took === undefined ? Math.max(MIN_LEAD_TIME_MS, ms - 1) : Math.max(ms, Math.min(took, 2 * ms, MAX_SLOT_WAIT_MS))
    },
  }
}
