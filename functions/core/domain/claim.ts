import type { RequestItem } from './item.ts'
import { isTerminal } from './item.ts'
import type { InferenceMessage } from './messages.ts'
import { MAX_CRASHES } from './timing.ts'

const ALONE = 'alone-'

/**
 * Makes the id of a claim. It also says whether the worker runs no other request at the same time. That is part of the id, since
 * 0.1.0 can't read an item that has another field, and does not look into ids.
 */
export const claimIdOf = (nonce: string, isAlone: boolean): string => (isAlone ? ALONE + nonce : nonce)

const SENT = 'sent-'

/**
 * What an item has in the place of a claim's id while no worker has claimed it and a replay has sent its message for this run.
 * It is no attribute of its own, since 0.1.0 can't read an item that has one. A claim replaces it.
 */
export const sentNoteOf = (run: number): string => SENT + run

/** The run that such a note names. Returns undefined for the id of a claim. */
export const sentRunOf = (claimId: string): number | undefined =>
  claimId.startsWith(SENT) ? Number(claimId.slice(SENT.length)) : undefined

/**
 * What an item has in the place of its claim's id once its worker was stopped with the whole local system: that was no crash, so nobody
 * suspects the request. The next claim replaces it.
 */
export const STOPPED = 'stopped'

export const isClaimedAlone = (claimId: string): boolean => claimId.startsWith(ALONE)

/**
 * Returns the crashes of a request whose worker is gone, that one included. A worker that ran several requests may have
 * been ended by another of them, so that crash is nobody's: the request runs alone from then on, and each further crash
 * is its own.
 */
export const crashesOf = (abandoned: RequestItem): number => abandoned.crashes + (abandoned.alone ? 1 : 0)

/** What a worker does with a message when it could not claim the request. */
export type ClaimRefusal =
  /** The request has ended, or the message is of another run or body: nothing is left to do. */
  | { readonly kind: 'drop' }
  /** Not now: another worker holds the lease, or a backoff runs. */
  | { readonly kind: 'wait'; readonly until: number }
  /** Its deadline has passed before it was started. */
  | { readonly kind: 'expire' }
  /** The worker that held it is gone. */
  | { readonly kind: 'reclaim' }
  /** It took too many workers with it, each of which ran nothing else. */
  | { readonly kind: 'give up' }
  /** The item has changed since: claim again. */
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
