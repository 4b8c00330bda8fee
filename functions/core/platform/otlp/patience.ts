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
 * invocations, for minutes or hours. This time does not count: an answer that came meanwhile is read only after the function goes on, and
 * a usual timer would end first.
 */
export async function patience(ms: number, over: AbortSignal, { clock, sleep }: PatienceSurroundings): Promise<void> {
  let left = ms
  while (left > 0 && !over.aborted) {
    const before = clock()
    await sleep(Math.min(left, LOOK_EVERY_MS))
    const passed = clock() - before
    if (passed < FROZEN_MS) left -= Math.max(0, passed)
  }
}
