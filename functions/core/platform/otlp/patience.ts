import type { Clock, Sleep } from '../clock.ts'

/** The time between two looks at the clock, in milliseconds. */
const LOOK_EVERY_MS = 500

/** The function counts as frozen if at least this time passes between two looks at the clock, in milliseconds. */
const FROZEN_MS = 2 * LOOK_EVERY_MS

export interface PatienceSurroundings {
  readonly clock: Clock
  readonly sleep: Sleep
}

/**
 * Resolves after the function has run for `ms` milliseconds, or when the signal is aborted. Lambda freezes a function
 * between two invocations, for minutes or hours. A freeze must not count as waiting, so the time between two looks at
 * the clock counts as 500 ms at most. It does not count as zero: a function with little traffic may be frozen between
 * any two looks, and the wait must end nevertheless.
 */
export async function patience(ms: number, over: AbortSignal, { clock, sleep }: PatienceSurroundings): Promise<void> {
  let left = ms
  let wasFrozen = false
  while (left > 0 && !over.aborted) {
    const before = clock()
    await sleep(Math.min(left, LOOK_EVERY_MS))
    const passed = clock() - before
    wasFrozen = passed >= FROZEN_MS
    left -= Math.min(Math.max(0, passed), LOOK_EVERY_MS)
  }
  // Node runs timers before it reads sockets. So an answer that came while the function was frozen is read during this
  // sleep, and not lost.
  if (wasFrozen && !over.aborted) await sleep(LOOK_EVERY_MS)
}
