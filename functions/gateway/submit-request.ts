import type { Accepted } from '../core/admission/accept.ts'
import { admit } from '../core/admission/admit.ts'
import type { Prepared } from '../core/admission/prepare.ts'
import { publish } from '../core/admission/publish.ts'
import { refuse } from '../core/admission/refuse.ts'
import { type RequestItem, reservationOf } from '../core/domain/item.ts'
import { goOnAfter, MayBeAdmitted, Unavailable } from '../core/platform/unavailable.ts'
import type { GatewayPorts } from './ports.ts'
import { withdrawSubmission } from './withdraw-submission.ts'

/** Throws a `RequestError` if the call must not go on, although its request has a reservation. */
export type MayGoOn = () => Promise<void>

/**
 * Admits a submission and makes it durable. If it resolves, the request will run (I4). Throws `RequestError` for a
 * refusal, which leaves nothing behind (I6). An error of `mayGoOn` is a refusal, too. Throws `Unavailable` if the item
 * or the message could not be written. Then the submission is withdrawn, either here, or later by a function that finds
 * its item, its message or its reservation.
 */
export async function submitRequest(
  ports: GatewayPorts,
  prepared: Prepared,
  mayGoOn: MayGoOn = async () => undefined,
): Promise<Accepted> {
  const verdict = await admit(ports, prepared, item => withdrawSubmission(ports, item, ports.clock()))
  if (!verdict.admitted) throw refuse(verdict, prepared, ports.clock())
  const { item, left, open } = verdict
  await mayGoOn().catch(async error => {
    await giveBack(ports, item)
    throw error
  })
  try {
    const written = await publish(ports, item, prepared.submission, open)
    if (written.status === 'rejected') throw new Unavailable('the request', new Error('it was given up meanwhile'))
    return { item, left }
  } catch (error) {
    const now = await withdrawSubmission(ports, item, ports.clock())
    if (now && now.status !== 'rejected') return { item: now, left }
    // It is not known whether the item and the message were written. If they were, the request runs. So the client gets
    // the id, to look for the request.
    throw !now && error instanceof Unavailable ? new MayBeAdmitted(item.request_id, error) : error
  }
}

/**
 * Releases the reservation of a request. No tombstone is needed, because no other function can know the request: it has
 * no item and no message yet, and its id is new. If the release fails, the sweeper finds the reservation and releases
 * it. Until then, it uses up a part of the user's quota.
 */
async function giveBack({ quota, logger }: GatewayPorts, item: RequestItem): Promise<void> {
  const { request_id } = item
  await quota
    .close([{ reservation: reservationOf(item) }])
    .catch(error => goOnAfter(error, logger, 'a reservation was not given back: the sweeper does it', { request_id }))
}
