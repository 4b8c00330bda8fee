import { LEAD_MS, SOON_MS } from './rate-limit.ts'

/**
 * How far ahead a process gives turns, in milliseconds: long enough for its calls to be ready by then, which takes a write of
 * the state, a claim, and a large body's fetch. It grows with the calls that miss their turns, each doubling it at most, since
 * one may have been slow by accident, and shrinks by a millisecond with each that does not.
 */
export function createLead() {
  let ms = LEAD_MS
  return {
    now: () => ms,
    /** Of an ask: how long the call took to be ready that has missed its turn, if it is one of those. */
    learn: (took: number | undefined) => {
      ms = took === undefined ? Math.max(LEAD_MS, ms - 1) : Math.max(ms, Math.min(took, 2 * ms, SOON_MS))
    },
  }
}
