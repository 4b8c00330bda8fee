import { describeError, isTransient, Unavailable } from '../../functions/core/platform/unavailable.ts'
import type { Tell } from './answer.ts'

/** The longest time between two tries. Milliseconds. */
const LONGEST_MS = 60_000

/** Lets a command that reads again and again continue during an outage. */
export interface GoOn {
  /**
   * Reads once. Resolves with undefined if the read failed with a transient error. It prints a line for people after
   * the first failure in a row, and after the next success. Rejects with any other error. `afterFailure` tells the task
   * whether the previous try has failed.
   */
  read<T>(task: (afterFailure: boolean) => Promise<T>): Promise<T | undefined>
  /** Returns the time until the next try: `usual`, or longer after each failure in a row. Milliseconds. */
  waitMs(usual: number): number
}

export function goOn(note: Tell): GoOn {
  let failures = 0
  return {
    async read(task) {
      try {
        const found = await task(failures > 0)
        if (failures > 0) note('the system can be read again')
        failures = 0
        return found
      } catch (error) {
        if (!isTransient(error)) throw error
        failures += 1
        if (failures === 1) note(`the system can't be read now, and is tried again: ${sentenceOf(error)}`)
        return undefined
      }
    },
    waitMs: usual => Math.max(usual, Math.min(usual * 2 ** failures, LONGEST_MS)),
  }
}

const sentenceOf = (error: unknown): string => (error instanceof Unavailable ? error.message : describeError(error))
