import type { Clock } from '../../functions/core/platform/clock.ts'

/** The time at which the clocks of tests begin. */
export const NOW = Date.UTC(2026, 10, 23, 10, 15)

/** A clock whose time moves only by `advance`. */
export function movableClock(start = NOW): { clock: Clock; advance: (ms: number) => void } {
  let now = start
  return {
    clock: () => now,
    advance: ms => {
      now += ms
    },
  }
}
