import { closeStale } from '../lifecycle/close-stale.ts'
import { STALE_RESERVATION_MS } from '../requests/timing.ts'
import type { SweeperPorts } from './ports.ts'

export interface Swept {
  /** Reservations that were looked at, those that were closed, and those that could not be dealt with this time. */
  readonly seen: number
  readonly closed: number
  readonly failed: number
}

/**
 * Looks at every reservation that has been open for long, and closes those whose request has ended, never came to be, or
 * can't go on: whatever a crash has left is found here (I12). Rejects with `Unavailable` when the reservations can't be
 * read; one that can't be closed is left for the next time.
 */
export async function sweep(ports: SweeperPorts): Promise<Swept> {
  const now = ports.clock()
  const swept = { seen: 0, closed: 0, failed: 0 }
  for await (const page of ports.quota.openBefore(now - STALE_RESERVATION_MS)) {
    const results = await Promise.allSettled(page.map(open => closeStale(ports, open, now)))
    swept.seen += results.length
    for (const result of results) {
      if (result.status === 'rejected') swept.failed += 1
      else if (result.value) swept.closed += 1
    }
  }
  return swept
}
