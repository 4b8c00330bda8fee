import type { Clock, Sleep } from '../clock.ts'

/** Between two looks at the clock. Milliseconds. */
const LOOK_EVERY_MS = 500

/** If so much time has passed between two looks, the function was frozen. Milliseconds. */
const FROZEN_MS = 2 * LOOK_EVERY_MS

export interface PatienceSurroundings {
  readonly clock: Clock
  readonly sleep: Sleep
}

/**
 * Resolves after the function has run for so many milliseconds, or once the signal is aborted. Lambda freezes a function between two
 * invocations, for minutes or hours. This time does not count: a look counts 500 ms at most, also if Lambda froze the function meanwhile.
 * A function with little traffic may be frozen in every look, and its patience must end, too.
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
  // Node runs timers before it reads sockets. An answer that came while the function was frozen is read before this sleep ends.
  if (wasFrozen && !over.aborted) await sleep(LOOK_EVERY_MS)
}
