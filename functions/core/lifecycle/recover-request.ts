import type { OpenReservation } from '../stores/quota/port.ts'
import type { LifecyclePorts } from './ports.ts'
import { isOwn, orphan } from './reap-reservation.ts'
import { rejectAbsent } from './reject-request.ts'

/** What was done for a request. `nothing`: its message is in its queue, or an event that ends it is, or the sweeper takes care of it. */
export type Recovery = 'lease ended' | 'rejected' | 'nothing'

/**
 * Brings a request on whose functions are all gone, for a caller who knows that. The lease of its worker ends now, so that the next
 * delivery of its message is not deferred. A request that was never written is rejected at once, since nobody can write it any more.
 *
 * If the functions were stopped in good order (`wasStopped`), their end counts as no crash of the requests that ran.
 *
 * A request that has ended is left to its event, which is delivered again. The event has the dead letter's message, and the sweeper has not.
 */
export async function recoverRequest(
  ports: LifecyclePorts,
  open: OpenReservation,
  now: number,
  wasStopped: boolean,
): Promise<Recovery> {
  const { reservation } = open
  const item = await ports.items.get(reservation.user_id, reservation.request_id)
  if (!item) {
    const left = await rejectAbsent(ports, orphan(open, now))
    return left.status === 'rejected' ? 'rejected' : 'nothing'
  }
  if (item.status !== 'running' || !isOwn(item, reservation)) return 'nothing'
  const isEnded = await (wasStopped ? ports.items.noteStop(item, now) : ports.items.endLease(item, now))
  return isEnded ? 'lease ended' : 'nothing'
}
