import type { RequestItem } from './item.ts'
import { isTerminal } from './item.ts'
import type { InferenceMessage } from './messages.ts'
import { MAX_CRASHES } from './timing.ts'

const ALONE = 'alone-'

/**
 * Makes the id of a claim. It also says whether the worker runs no other request at the same time. This is part of the
 * id, because 0.1.0 can't read an item with an additional field, but does not parse ids.
 */
export const claimIdOf = (nonce: string, isAlone: boolean): string => (isAlone ? ALONE + nonce : nonce)

const SENT = 'sent-'

/**
 * Makes the note that a replay has sent the message of this run. The note is stored in place of a claim's id as long as
 * no worker has claimed the request. It has no attribute of its own, because 0.1.0 can't read an item with an
 * additional one. A claim replaces the note.
 */
export const sentNoteOf = (run: number): string => SENT + run

/** Returns the run of a note that `sentNoteOf` made. Returns undefined for the id of a claim. */
export const sentRunOf = (claimId: string): number | undefined =>
  claimId.startsWith(SENT) ? Number(claimId.slice(SENT.length)) : undefined

/**
 * The note in place of a claim's id that says that the worker was stopped with the whole local system. This was no
 * crash, so the request is not suspected. The next claim replaces the note.
 */
export const STOPPED = 'stopped'

export const isClaimedAlone = (claimId: string): boolean => claimId.startsWith(ALONE)

/**
 * Returns the number of crashes that count for a request whose worker is gone, including the last one. If the worker
 * ran several requests, any of them may have caused the crash, so that crash counts for none of them. From then on the
 * request runs alone, and each further crash counts.
 */
export const crashesOf = (abandoned: RequestItem): number => abandoned.crashes + (abandoned.alone ? 1 : 0)

/** What a worker does with a message whose request it could not claim. */
export type ClaimRefusal =
  /** The request has ended, or the message is for another run or another body. Nothing is left to do. */
  | { readonly kind: 'drop' }
  /** The claim must wait: another worker holds the lease, or a backoff is not over. */
  | { readonly kind: 'wait'; readonly until: number }
  /** The deadline of the request passed before it was started. */
  | { readonly kind: 'expire' }
  /** The worker that held the claim is gone. */
  | { readonly kind: 'reclaim' }
  /** Too many workers crashed while they ran only this request. */
  | { readonly kind: 'give up' }
  /** The item has changed since it was read: claim again. */
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
