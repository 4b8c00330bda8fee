import { type RequestItem, reservationOf } from '../domain/item.ts'
import type { Submission } from '../domain/submission.ts'
import { finalizeRequest } from '../lifecycle/finalize-request.ts'
import { goOnAfter } from '../platform/unavailable.ts'
import type { Verdict } from './admit.ts'
import type { AdmissionPorts } from './ports.ts'
import { publish, resend } from './publish.ts'

export interface Accepted {
  readonly item: RequestItem
  /** The remaining requests and tokens of the user, if they are known exactly. */
  readonly left: (Verdict & { admitted: true })['left']
  /**
   * The approximate number of the user's open requests, if it is counted. If there are more than `gives_way_above`, the
   * new request waits behind other users' requests.
   */
  readonly open?: number | undefined
}

/**
 * Makes an admitted request durable. Another try of the same call, or another delivery of the same input message, may
 * admit a request with the same id at the same time. The request item then has the reservation of one of them, and the
 * other reservation does not count. If our reservation does not count, it is released, because it would use up the
 * user's quota a second time. Returns undefined if the request was withdrawn, i.e. if its item is a tombstone. Then the
 * caller needs another id. If this function rejects with `Unavailable`, nothing is withdrawn, because a retry with the
 * same id continues at the step at which this try stopped.
 */
export async function accept(
  ports: AdmissionPorts,
  { item: own, left, open }: Accepted,
  submission: Submission,
): Promise<Accepted | undefined> {
  const item = await publish(ports, own, submission, open)
  if (item.status === 'rejected') {
    // A gateway of an earlier version may have sent an `accepted` event for this request, so the ledger may have a row.
    // The body may be stored, too. So the row must show the rejection, and the body must be deleted (rule 5 of
    // docs/architecture.md).
    await finalizeRequest(ports, { ...own, status: 'rejected', completed_at: ports.clock() })
    return undefined
  }
  if (!isHeldBy(item, own)) await ports.quota.close([{ reservation: reservationOf(own) }])
  return { item, left }
}

/**
 * Answers a repeated call whose request an earlier try has accepted. If the request is still queued, its message may
 * never have been sent, and then it would never run. So the first repetition (replay) sends the message, and notes in
 * the item that the queue has acknowledged it. Later replays send no message. If a crash or an outage prevents the
 * note, the next replay sends the message once more. A duplicate does no harm, because the item lets only one worker
 * claim the request.
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
 * Returns whether an item has our reservation. Otherwise another try has written the item with its own reservation,
 * maybe in another window or shard.
 */
const isHeldBy = (item: RequestItem, own: RequestItem): boolean =>
  item.window === own.window && item.shard === own.shard && item.nonce === own.nonce
