import type { Failure, RequestItem, Reservation, Status, Usage } from '../../domain/item.ts'
import type { InferenceMessage } from '../../domain/messages.ts'

/** The claim of a worker; or, if the item refused it, the item as it is (absent: there is none). */
export type Claim =
  | { readonly claimed: true; readonly item: RequestItem }
  | { readonly claimed: false; readonly item: RequestItem | undefined }

export interface ClaimTerms {
  /** Comes from `claimIdOf`, and tells this claim from any other. A claim whose answer was lost is found again by it. */
  readonly claim_id: string
  readonly now: number
  /** Epoch milliseconds until which nobody else may run the request. */
  readonly lease_until: number
}

/** How a worker puts a claimed request back to `queued`. */
export interface Requeue {
  readonly claim_id: string
  /** Nobody claims the request again before this time, in epoch milliseconds. */
  readonly not_before: number
  /** The number of attempts afterwards. It includes this claim's attempt only if a call was made (I8). */
  readonly attempt: number
  /** Whether a call has reached the model since the claim. If an earlier one did, the item keeps that. */
  readonly reached: boolean
}

/** The outcome of an attempt. The item accepts it or not. */
export interface Decision {
  readonly user_id: string
  readonly request_id: string
  readonly run: number
  readonly attempt: number
  readonly status: Extract<Status, 'completed' | 'failed'>
  readonly completed_at: number
  readonly usage?: Usage | undefined
  readonly error?: Failure | undefined
  /** The tokens to settle. Absent if the model was not reached: then the reservation is released. */
  readonly charge?: number | undefined
  /** What they cost in USD, where the model has a price. */
  readonly cost?: number | undefined
}

/** A new run: its reservation, and when it expires. */
export interface Redrive {
  readonly reservation: Reservation
  readonly deadline: number
}

/**
 * The request items: each transition is one conditional write on the state that it leaves (docs/architecture.md).
 * All methods reject with `Unavailable` or `Defect`, and each may be repeated.
 */
export interface RequestItems {
  get(userId: string, requestId: string): Promise<RequestItem | undefined>

  /** (absent) → queued. Returns the item that is there afterwards: the given one, or another that was first. */
  create(item: RequestItem): Promise<RequestItem>

  /**
   * (absent), or queued and never attempted in this run → rejected: the request was never accepted. Returns the item
   * that is there afterwards.
   */
  reject(tombstone: RequestItem): Promise<RequestItem>

  /** queued → running, if the message's run and body are the item's, its backoff has passed and its deadline has not. */
  claim(message: InferenceMessage, terms: ClaimTerms): Promise<Claim>

  /** running under the lease that `seen` shows, which has expired → running anew; counts a crash if it was claimed alone. */
  reclaim(seen: RequestItem, terms: ClaimTerms): Promise<Claim>

  /**
   * running, as in `seen` → the same, but its lease ends now. For a caller who knows that its worker is gone. Returns
   * whether a lease was ended by this call.
   */
  endLease(seen: RequestItem, now: number): Promise<boolean>

  /**
   * running, as in `seen` → the same, but its lease ends now, and what ended its worker counts as no crash. For a
   * caller who knows that its worker was stopped with the whole system. Returns whether this call has noted it.
   */
  noteStop(seen: RequestItem, now: number): Promise<boolean>

  /**
   * running under the claim → queued, unless its owner has asked to cancel it. `queued`: it waits now as the call says.
   * `cancel requested`: the worker still has it, to end it. `lost`: it is not the worker's any more.
   */
  requeue(claimed: RequestItem, next: Requeue): Promise<'queued' | 'cancel requested' | 'lost'>

  /** queued, in the run of `seen`: notes that the queue has acknowledged a message of it. Anything else stays as it is. */
  noteSent(seen: RequestItem): Promise<void>

  /** queued, as in `seen`, its deadline passed → expired; returns the item if that is what it says now. */
  expire(seen: RequestItem, now: number): Promise<RequestItem | undefined>

  /**
   * queued, as in `seen` → cancelled; running → the same, with a note that its outcome is to be discarded. Returns the
   * item as it is then. Returns undefined when it is no longer as seen.
   */
  cancel(seen: RequestItem, now: number): Promise<RequestItem | undefined>

  /**
   * queued with no backoff running, or running with its lease expired, as in `seen` → failed; cancelled, if that was
   * asked for. Returns the item as it is then. Returns undefined when it is no longer as seen, or still has a worker or
   * a retry.
   */
  giveUp(seen: RequestItem, error: Failure, now: number): Promise<RequestItem | undefined>

  /**
   * An item that has ended, or whose owner has asked to cancel it: marks it as deleted by its owner. Its state stays as
   * it is. Returns whether it is marked or gone now. It is not if an operator runs it again meanwhile.
   */
  erase(seen: Pick<RequestItem, 'user_id' | 'request_id'>): Promise<boolean>

  /** failed and not erased, as in `seen` → queued, the given run. Returns the item if it is in that run now. */
  redrive(seen: RequestItem, next: Redrive): Promise<RequestItem | undefined>

  /**
   * failed, as in `seen`: the number of a run that came to nothing is not used again. Returns whether that is so now.
   */
  retireRunNumber(seen: RequestItem, run: number): Promise<boolean>

  /** A user's items, newest first, `limit` at most, older than the id `before`; `last` is where the next page goes on. */
  list(userId: string, limit: number, before?: string): Promise<{ items: RequestItem[]; last?: string | undefined }>

  /**
   * running → completed | failed, or cancelled if that was asked for, if run and attempt are the item's. Returns the
   * item if it says so now: by this call or by an earlier one of the same decision. Otherwise the outcome counts for
   * nothing (I7).
   */
  decide(decision: Decision): Promise<RequestItem | undefined>
}
