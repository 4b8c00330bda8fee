import type { Failure, RequestItem, Status, Usage } from '../requests/item.ts'
import type { InferenceMessage } from '../requests/messages.ts'

/** The claim of a worker, or the item as it is that did not let it (absent: there is none). */
export type Claim =
  | { readonly claimed: true; readonly item: RequestItem }
  | { readonly claimed: false; readonly item: RequestItem | undefined }

export interface ClaimTerms {
  /** Tells this claim from any other: a claim whose answer was lost is found again by it. */
  readonly claim_id: string
  readonly now: number
  /** Epoch milliseconds until which nobody else may run the request. */
  readonly lease_until: number
}

/** How an attempt came out, for the item to accept or not. */
export interface Decision {
  readonly user_id: string
  readonly request_id: string
  readonly run: number
  readonly attempt: number
  readonly status: Extract<Status, 'completed' | 'failed'>
  readonly completed_at: number
  readonly usage?: Usage | undefined
  readonly error?: Failure | undefined
  /** Tokens to settle; absent when the model was not reached, and the reservation is to be released. */
  readonly charge?: number | undefined
}

/**
 * The request items: each transition is one conditional write on the state that it leaves (design.md §4).
 * All methods reject with `Unavailable`, and each may be repeated.
 */
export interface RequestItems {
  get(userId: string, requestId: string): Promise<RequestItem | undefined>

  /** (absent) → queued. Answers with the item that is there afterwards: the given one, or another that was first. */
  create(item: RequestItem): Promise<RequestItem>

  /**
   * (absent), or queued and never attempted in this run → rejected: the request was never accepted.
   * Answers with the item that is there afterwards.
   */
  reject(tombstone: RequestItem): Promise<RequestItem>

  /** queued → running, if the message's run and body are the item's, its backoff has passed and its deadline has not. */
  claim(message: InferenceMessage, terms: ClaimTerms): Promise<Claim>

  /** running under the lease that `seen` shows, which has expired → running anew; counts a crash. */
  reclaim(seen: RequestItem, terms: ClaimTerms): Promise<Claim>

  /** queued, as in `seen`, its deadline passed → expired; answers with the item if that is what it says now. */
  expire(seen: RequestItem, now: number): Promise<RequestItem | undefined>

  /**
   * running → completed | failed, if run and attempt are the item's. Answers with the item if it says so now: by this
   * call or by an earlier one of the same decision. Otherwise the outcome counts for nothing (I7).
   */
  decide(decision: Decision): Promise<RequestItem | undefined>
}
