import { STALE_RESERVATION_MS } from '../core/domain/timing.ts'
import { reapReservation } from '../core/lifecycle/reap-reservation.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { SweeperPorts } from './ports.ts'

export interface Swept {
  /** Reservations that were looked at, those that were closed, and those that could not be dealt with this time. */
  readonly seen: number
  readonly closed: number
  readonly failed: number
  /** Why those could not: the first error of each kind. */
  readonly reasons: readonly Error[]
}

/**
 * Looks at every reservation that has been open for long, and closes those whose request has ended, never came to be, or
 * can't go on: whatever a crash has left is found here (I12). Rejects with `Unavailable` when the reservations can't be
 * read; one that can't be closed is left for the next time.
 */
export async function sweep(ports: SweeperPorts): Promise<Swept> {
  const now = ports.clock()
  const swept = { seen: 0, closed: 0, failed: 0 }
  const reasons = new Map<string, Error>()
  for await (const page of ports.quota.openBefore(now - STALE_RESERVATION_MS)) {
    const results = await Promise.allSettled(page.map(open => reapReservation(ports, open, now)))
    swept.seen += results.length
    for (const result of results) {
      if (result.status === 'fulfilled') {
        if (result.value) swept.closed += 1
        continue
      }
      swept.failed += 1
      const kind = kindOf(result.reason)
      if (!reasons.has(kind)) reasons.set(kind, result.reason)
    }
  }
  return { ...swept, reasons: [...reasons.values()] }
}

/** Without an error's own words, which may differ each time. */
const kindOf = (error: Error): string =>
  error instanceof Unavailable ? `${error.what}: ${(error.cause as Error).name}` : error.name
