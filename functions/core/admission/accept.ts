import { type RequestItem, reservationOf } from '../domain/item.ts'
import type { Submission } from '../domain/submission.ts'
import { finalizeRequest } from '../lifecycle/finalize-request.ts'
import { goOnAfter } from '../platform/unavailable.ts'
import type { Verdict } from './admit.ts'
import type { AdmissionPorts } from './ports.ts'
import { publish, resend } from './publish.ts'

export interface Accepted {
  readonly item: RequestItem
  /** What is left of the limits, where that is known exactly. */
  readonly left: (Verdict & { admitted: true })['left']
  /** About how many requests the user has open, where that is counted. */
  readonly open?: number | undefined
}

/**
 * Makes an admitted request durable whose id another try may be admitting at the same time. The item says which
 * reservation counts, and any other is released. Returns undefined when the request turns out to be withdrawn; then it
 * needs another id. Rejects with `Unavailable`; then nothing is withdrawn, since a retry under the same id goes on
 * where this try stopped.
 */
export async function accept(
  ports: AdmissionPorts,
  { item: own, left, open }: Accepted,
  submission: Submission,
): Promise<Accepted | undefined> {
  const item = await publish(ports, own, submission, open)
  if (item.status === 'rejected') {
    // A gateway of an earlier version may have sent an `accepted` event, which has made a row; and the body is stored (rule 5).
    await finalizeRequest(ports, { ...own, status: 'rejected', completed_at: ports.clock() })
    return undefined
  }
  if (!isHeldBy(item, own)) await ports.quota.close([{ reservation: reservationOf(own) }])
  return { item, left }
}

/**
 * Accepts again a request that an earlier try has accepted. If it is still queued, its message may never have been sent. So the
 * first replay sends it, and notes in the item that the queue has acknowledged it, so that later replays send none. A crash
 * or an outage may prevent the note; then the next replay sends the message once more, which does no harm.
 */
export async function acceptAgain(ports: AdmissionPorts, item: RequestItem, submission: Submission): Promise<Accepted> {
  if (item.status === 'queued' && item.sent !== item.run) {
    await resend(ports, item, submission)
    const { request_id } = item
    await ports.items
      .noteSent(item)
      .catch(error => goOnAfter(error, ports.logger, 'the note of a sent message was not written', { request_id }))
  }
  return { item, left: undefined }
}

/**
 * Returns whether an item has our reservation. If not, another try has written it with its own, maybe in another window
 * or shard.
 */
const isHeldBy = (item: RequestItem, own: RequestItem): boolean =>
  item.window === own.window && item.shard === own.shard && item.nonce === own.nonce
