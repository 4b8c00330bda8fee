import type { Clock, Sleep } from './clock.ts'
import { Unavailable } from './unavailable.ts'

const PAUSE_MS = 5_000

export interface InsistPorts {
  readonly clock: Clock
  readonly sleep: Sleep
}

/**
 * Repeats some work during an outage of a service, until `giveUpAt` (epoch milliseconds). Rejects at once with any
 * other error.
 */
export async function insist<T>({ clock, sleep }: InsistPorts, giveUpAt: number, work: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Unavailable) || clock() + PAUSE_MS >= giveUpAt) throw error
      await sleep(PAUSE_MS)
    }
}
