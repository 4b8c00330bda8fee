import type { OpenReservation } from '../stores/quota/port.ts'
import type { LifecyclePorts } from './ports.ts'
import { isOwn, orphan } from './reap-reservation.ts'
import { rejectAbsent } from './reject-request.ts'

/**
 * The action that was taken for a request. `nothing`: no action is needed, because the request's message or the event
 * that ends it is in a queue, or because the sweeper will close its reservation.
 */
export type Recovery = 'lease ended' | 'rejected' | 'nothing'

/**
 * Repairs a request at the start of the local system, after the end of all functions. The caller must know that no
 * function runs any more. The lease of its worker ends now, so that the next delivery of its message is not deferred. A
 * request that was never written is rejected at once, because no function can write it any more.
 *
 * If the functions were stopped in good order (`wasStopped`), their end does not count as a crash of the requests that
 * ran.
 *
 * A request that has ended is not changed here, because the event about its end is delivered again. This event contains
 * the message for the dead letter. If the request were finalized here, the dead letter would lack its message.
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
