import { STALE_RESERVATION_MS } from '../core/domain/timing.ts'
import { reapReservation } from '../core/lifecycle/reap-reservation.ts'
import { Defect, Unavailable } from '../core/platform/unavailable.ts'
import type { SweeperPorts } from './ports.ts'

export interface Swept {
  /** The number of reservations that the sweep has looked at, has closed, and could not close because of an error. */
  readonly seen: number
  readonly closed: number
  readonly failed: number
  /** The first error of each kind. */
  readonly reasons: readonly Error[]
}

/**
 * Looks at each reservation that has been open for long, and closes it if its request has ended, never came to be, or can't
 * go on. So the sweep repairs everything that a crash has left (I12). Rejects if the reservations can't be read. A reservation
 * that can't be closed is left for the next sweep.
 */
export async function sweep(ports: SweeperPorts): Promise<Swept> {
  const now = ports.clock()
  const swept = { seen: 0, closed: 0, failed: 0 }
  const reasons = new Map<string, Error>()
  for await (const page of ports.quota.openBefore(now - STALE_RESERVATION_MS)) {
    const results = await Promise.allSettled(page.map(open => reapReservation(ports, open, now, ports.models)))
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

/** The kind of an error. The message is no part of it, because it may differ each time. */
const kindOf = (error: Error): string =>
  error instanceof Unavailable || error instanceof Defect ? `${error.what}: ${nameOf(error.cause)}` : error.name

const nameOf = (cause: unknown): string => (cause instanceof Error ? cause.name : String(cause))
