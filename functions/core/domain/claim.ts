import type { RequestItem } from './item.ts'
import { isTerminal } from './item.ts'
import type { InferenceMessage } from './messages.ts'
import { MAX_CRASHES } from './timing.ts'

const ALONE = 'alone-'

/**
 * Makes the id of a claim. The id begins with `alone-` if the worker runs no other request at the same time, because
 * only then a crash of the worker counts for this request. This fact has no field of its own, because version 0.1.0
 * can't read an item with an additional field. Version 0.1.0 accepts any id.
 */
export const claimIdOf = (nonce: string, isAlone: boolean): string => (isAlone ? ALONE + nonce : nonce)

const SENT = 'sent-'

/**
 * A client may repeat a call whose request is still queued (a replay). The first replay sends the request's message
 * again. This function makes the note that the queue has acknowledged that message, so later replays send none. The
 * note is stored in the field of the claim's id as long as no worker has claimed the request. The note has no field of
 * its own, because version 0.1.0 can't read an item with an additional field. A claim replaces the note.
 */
export const sentNoteOf = (run: number): string => SENT + run

/** Returns the run that is named in a note of `sentNoteOf`. Returns undefined for the id of a claim. */
export const sentRunOf = (claimId: string): number | undefined =>
  claimId.startsWith(SENT) ? Number(claimId.slice(SENT.length)) : undefined

/**
 * The note which says that the worker was stopped together with the whole local system. It is stored in the field of
 * the claim's id, until the next claim replaces it. Such a stop does not count as a crash, so the request need not be
 * isolated afterwards, i.e. its next worker may run other requests at the same time.
 */
export const STOPPED = 'stopped'

export const isClaimedAlone = (claimId: string): boolean => claimId.startsWith(ALONE)

/**
 * Returns how many crashes count for a request whose worker has crashed, including this last crash. A crash counts only
 * if the worker ran no other request at that time. Otherwise any of the worker's requests may have caused the crash, so
 * it counts for none of them. After such a crash, each of these requests runs alone, and a further crash counts.
 */
export const crashesOf = (abandoned: RequestItem): number => abandoned.crashes + (abandoned.alone ? 1 : 0)

/** The reason why a worker could not claim the request of a message, and what the worker does next. */
export type ClaimRefusal =
  /**
   * The request has ended, or the message is for another run or another body. The worker drops the message, because a
   * call for it would be made in vain.
   */
  | { readonly kind: 'drop' }
  /**
   * The claim must wait until `until` (epoch milliseconds): another worker holds the lease (the right to run the
   * request, with an end time), or the wait before a retry is not over.
   */
  | { readonly kind: 'wait'; readonly until: number }
  /** The deadline of the request passed before it was started. The worker ends the request as expired. */
  | { readonly kind: 'expire' }
  /** The lease has expired, so the worker that held the claim is gone. Another worker may take the request over. */
  | { readonly kind: 'reclaim' }
  /** Too many workers crashed while they ran only this request, so the request fails. */
  | { readonly kind: 'give up' }
  /** The item has changed since it was read. The worker must try the claim again. */
  | { readonly kind: 'again' }

export function refusedClaim(item: RequestItem, message: InferenceMessage, now: number): ClaimRefusal {
  if (isTerminal(item.status) || item.run !== message.run || item.fingerprint !== message.fingerprint)
    return { kind: 'drop' }
  if (item.status === 'running') return refusedByLease(item, now)
  if (item.deadline <= now) return { kind: 'expire' }
  if (item.not_before !== undefined && item.not_before > now) return { kind: 'wait', until: item.not_before }
  return { kind: 'again' }
}

function refusedByLease(item: RequestItem, now: number): ClaimRefusal {
  const until = item.lease_until ?? 0
  if (until > now) return { kind: 'wait', until }
  return { kind: crashesOf(item) >= MAX_CRASHES ? 'give up' : 'reclaim' }
}
