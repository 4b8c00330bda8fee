import type { RequestItem } from '../core/domain/item.ts'
import { STALE_RESERVATION_MS } from '../core/domain/timing.ts'
import { reapReservation, showsOpen } from '../core/lifecycle/reap-reservation.ts'
import { Defect, Unavailable } from '../core/platform/unavailable.ts'
import { announce, isAnnounced } from './announce.ts'
import type { SweeperPorts } from './ports.ts'

export interface Swept {
  /**
   * The number of reservations that the sweep has checked. `closed` is the number that it has closed, and `failed` the
   * number that it could not close because of an error.
   */
  readonly seen: number
  readonly closed: number
  readonly failed: number
  /** The first error of each kind. */
  readonly reasons: readonly Error[]
}

/**
 * Checks each reservation that has been open for long, and closes it if its request has ended, was never written, or
 * can't go on. So the sweep repairs everything that a crash has left (I12). Rejects if the reservations can't be read.
 * A reservation that can't be closed is left for the next sweep. The sweep also sends `accepted` events for requests
 * that still wait or run, until a send fails. The collector writes them to the ledger.
 */
export async function sweep(ports: SweeperPorts): Promise<Swept> {
  const now = ports.clock()
  const swept = { seen: 0, closed: 0, failed: 0 }
  const reasons = new Map<string, Error>()
  const note = (reason: Error) => {
    const kind = kindOf(reason)
    if (!reasons.has(kind)) reasons.set(kind, reason)
  }
  let announces = true
  for await (const page of ports.quota.openBefore(now - STALE_RESERVATION_MS)) {
    const young: RequestItem[] = []
    const reaped = page.map(async open => {
      const goesOn = (item: RequestItem) => void (isAnnounced(open.at, now) && young.push(item))
      // Most requests only wait longer than usual. Thousands of them may wait, so this read costs half as much, but may
      // return an old state. Before a reservation is closed, `reapReservation` reads the present state.
      const { user_id, request_id } = open.reservation
      const seen = await ports.items.getPossiblyStale(user_id, request_id)
      if (!seen || !showsOpen(seen, open.reservation, now, ports.models))
        return reapReservation(ports, open, now, ports.models, goesOn)
      goesOn(seen)
      return false
    })
    for (const result of await Promise.allSettled(reaped)) {
      swept.seen += 1
      if (result.status === 'rejected') {
        swept.failed += 1
        note(result.reason)
      } else if (result.value) swept.closed += 1
    }
    // The reservations of a page are closed before its requests are announced to the ledger, because closing them is
    // more important: an open reservation uses up a part of a user's quota. If the queue does not answer, the sweep
    // announces nothing more, and continues to close reservations.
    if (announces)
      announces = await announce(ports, young).catch((defect: Error) => {
        note(defect)
        return false
      })
  }
  return { ...swept, reasons: [...reasons.values()] }
}

/**
 * Returns the kind of an error. The message is no part of it, because the message may differ each time. Otherwise an
 * outage would make one log line per reservation.
 */
const kindOf = (error: Error): string =>
  error instanceof Unavailable || error instanceof Defect ? `${error.what}: ${nameOf(error.cause)}` : error.name

const nameOf = (cause: unknown): string => (cause instanceof Error ? cause.name : String(cause))
