import { type RequestItem, reservationOf } from '../domain/item.ts'
import type { Submission } from '../domain/submission.ts'
import { finalizeRequest } from '../lifecycle/finalize-request.ts'
import { ignoreUnavailable } from '../platform/unavailable.ts'
import type { Verdict } from './admit.ts'
import type { AdmissionPorts } from './ports.ts'
import { publish, resend } from './publish.ts'

export interface Accepted {
  readonly item: RequestItem
  /** Of the limits, over all shards; unknown when an earlier try did. */
  readonly left: (Verdict & { admitted: true })['left']
}

/**
 * Makes an admitted request durable whose id others may be admitting, too: its item says whose reservation counts, and any
 * other is given back. Undefined when the request turns out to have been taken back: then another id is needed. Rejects with
 * `Unavailable`; then nothing is taken back, since a retry under the same id goes on where this stopped.
 */
export async function accept(
  ports: AdmissionPorts,
  { item: own, left }: Accepted,
  submission: Submission,
): Promise<Accepted | undefined> {
  const item = await publish(ports, own, submission)
  if (item.status === 'rejected') {
    // The `accepted` event may have made a row, and the body was stored.
    await finalizeRequest(ports, { ...own, status: 'rejected', completed_at: ports.clock() })
    return undefined
  }
  if (!isHeldBy(item, own)) await ports.quota.close([{ reservation: reservationOf(own) }])
  return { item, left }
}

/**
 * What an earlier try has accepted. The message of a request that is still queued may never have been sent: the first replay
 * sends it, and notes that once the queue has acknowledged it, so that the others need not. Without the note, which a crash
 * or an outage may prevent, the next replay sends it once more, which does no harm.
 */
export async function acceptAgain(ports: AdmissionPorts, item: RequestItem, submission: Submission): Promise<Accepted> {
  if (item.status === 'queued' && item.sent !== item.run) {
    await resend(ports, item, submission)
    await ports.items.noteSent(item).catch(ignoreUnavailable)
  }
  return { item, left: undefined }
}

/** Whether an item's reservation is ours; else a twin wrote it with its own, in another window or shard. */
const isHeldBy = (item: RequestItem, own: RequestItem): boolean =>
  item.window === own.window && item.shard === own.shard && item.nonce === own.nonce
