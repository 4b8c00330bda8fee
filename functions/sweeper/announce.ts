import { acceptedEvent } from '../core/domain/events.ts'
import { type RequestItem, traceAttributes } from '../core/domain/item.ts'
import { STALE_RESERVATION_MS } from '../core/domain/timing.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../core/queue/names.ts'
import type { SweeperPorts } from './ports.ts'

/**
 * Sweeps check a reservation from the age of two minutes on. For this further time, in milliseconds, each sweep sends
 * an `accepted` event for its request (announces it to the ledger). A sweep begins every two minutes, so one or two
 * sweeps announce each request. Without this limit, every sweep would send an event for a request that waits for days,
 * and each event costs money.
 */
export const ANNOUNCED_FOR_MS = 180_000

/** Returns whether a sweep announces a request to the ledger, given the time `at` of its reservation. */
export const isAnnounced = (at: number, now: number): boolean => now - at < STALE_RESERVATION_MS + ANNOUNCED_FOR_MS

/**
 * The number of `accepted` events that are sent at the same time. With SQS, ten messages are sent with one call. With a
 * higher number, the sweep would wait for several failing calls, one after the other, if the queue does not answer.
 */
export const SENT_AT_ONCE = 10

/**
 * Announces requests that wait or run for long to the ledger: it sends an `accepted` event for each, from which the
 * collector makes the request's row, so that operators see the request in Postgres. Nothing else depends on these rows,
 * because the end of a request makes its row, too. Stops at the first outage and returns false, because each further
 * send could take as long as the failed one, and the sweep might not end in time. Rejects if a send fails because of a
 * defect.
 */
export async function announce({ queue }: SweeperPorts, items: readonly RequestItem[]): Promise<boolean> {
  for (let at = 0; at < items.length; at += SENT_AT_ONCE) {
    const sends = items.slice(at, at + SENT_AT_ONCE).map(item =>
      queue.send(RESULTS_QUEUE, {
        body: acceptedEvent(item),
        group: item.user_id,
        ...traceAttributes(item),
      }),
    )
    const failed = (await Promise.allSettled(sends)).find(({ status }) => status === 'rejected')
    if (failed?.status !== 'rejected') continue
    if (failed.reason instanceof Unavailable) return false
    throw failed.reason
  }
  return true
}
