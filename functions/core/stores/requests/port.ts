import type { Failure, RequestItem, Reservation, Status, Usage } from '../../domain/item.ts'
import type { InferenceMessage } from '../../domain/messages.ts'

/**
 * The result of a claim. If the claim was refused, `item` is the item that refused it, or undefined if the request has
 * no item.
 */
export type Claim =
  | { readonly claimed: true; readonly item: RequestItem }
  | { readonly claimed: false; readonly item: RequestItem | undefined }

export interface ClaimTerms {
  /**
   * The id of the claim, made by `claimIdOf`. It distinguishes this claim from all others, so that a worker recognizes
   * its own claim after the answer of the write was lost.
   */
  readonly claim_id: string
  readonly now: number
  /** The time until which no other worker may run the request, in epoch milliseconds. */
  readonly lease_until: number
}

/** The changes with which a worker sets a claimed request back to `queued`. */
export interface Requeue {
  readonly claim_id: string
  /** No worker claims the request again before this time, in epoch milliseconds. */
  readonly not_before: number
  /** The number of attempts afterwards. It includes this claim's attempt only if a call was made (I8). */
  readonly attempt: number
  /** Whether a call has reached the model since the claim. If an earlier call did, the item already says so. */
  readonly reached: boolean
}

/**
 * The outcome of an attempt, to be written into the request item. The item accepts it only from the attempt that holds
 * the claim.
 */
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
  /** The cost of these tokens in USD, if the model has a price. */
  readonly cost?: number | undefined
}

/** A new run: its reservation, and its deadline. */
export interface Redrive {
  readonly reservation: Reservation
  readonly deadline: number
}

/**
 * The request items. Each transition is one conditional write: it succeeds only if the item still has the state from
 * which the transition starts (docs/architecture.md). All methods reject with `Unavailable` or `Defect`, and each may
 * be repeated.
 */
export interface RequestItems {
  get(userId: string, requestId: string): Promise<RequestItem | undefined>

  /**
   * Reads an item at half the price of `get`. It may miss writes of the last seconds, also the first one. Use it only to
   * find requests for which nothing has to be done yet, and call `get` before anything is done for a request.
   */
  getPossiblyStale(userId: string, requestId: string): Promise<RequestItem | undefined>

  /**
   * Creates an item: (absent) → queued. Returns the stored item: the given item, or another one that was written first.
   */
  create(item: RequestItem): Promise<RequestItem>

  /**
   * Writes a tombstone: (absent), or queued and never attempted in this run → rejected. The request was never accepted.
   * Returns the stored item.
   */
  reject(tombstone: RequestItem): Promise<RequestItem>

  /**
   * Claims a request: queued → running, if the message has the run and the body of the item, its backoff is over, and
   * its deadline is not.
   */
  claim(message: InferenceMessage, terms: ClaimTerms): Promise<Claim>

  /**
   * Claims a request whose worker is gone: running under the expired lease in `seen` → running under a new lease.
   * Counts a crash if the request was claimed alone, i.e. if its worker ran no other request that could have caused the
   * crash.
   */
  reclaim(seen: RequestItem, terms: ClaimTerms): Promise<Claim>

  /**
   * Ends a lease: running, as in `seen` → running, but the lease ends now, so that another worker can claim the request.
   * The caller must know that the worker is gone. Otherwise two workers would call the model for the same request.
   * Returns whether this call has ended a lease.
   */
  endLease(seen: RequestItem, now: number): Promise<boolean>

  /**
   * Notes a stop: running, as in `seen` → running, but the lease ends now, and the end of the request's worker does not
   * count as a crash. The caller must know that the worker was stopped with the whole system. Returns whether this call
   * has noted the stop.
   */
  noteStop(seen: RequestItem, now: number): Promise<boolean>

  /**
   * Queues a claimed request again: running under the claim → queued, unless its owner has asked to cancel it.
   * `queued`: the request waits now. `cancel requested`: the worker still holds the claim, and must end the request.
   * `lost`: the worker no longer holds the claim.
   */
  requeue(claimed: RequestItem, next: Requeue): Promise<'queued' | 'cancel requested' | 'lost'>

  /**
   * Notes that the queue has acknowledged a message of the request, if it is queued in the run of `seen`. So a later
   * repetition of the client's call need not send the message again. An item in another state stays as it is.
   */
  noteSent(seen: RequestItem): Promise<void>

  /** Expires a request: queued, as in `seen`, after its deadline → expired. Returns the item if it is expired now. */
  expire(seen: RequestItem, now: number): Promise<RequestItem | undefined>

  /**
   * Cancels a request. A queued item, as in `seen` → cancelled. A running item stays running, with a note that its
   * outcome must be discarded. Returns the item after the write. Returns undefined if the item is no longer as in
   * `seen`.
   */
  cancel(seen: RequestItem, now: number): Promise<RequestItem | undefined>

  /**
   * Ends a request that can't go on: queued without a backoff, or running with an expired lease, as in `seen` → failed,
   * or cancelled if the owner has asked for it. Returns the item after the write. Returns undefined if the item has
   * changed since `seen`, or if a worker still runs the request or a retry is planned.
   */
  giveUp(seen: RequestItem, error: Failure, now: number): Promise<RequestItem | undefined>

  /**
   * Marks an item as deleted by its owner, if the request has ended or its owner has asked to cancel it. The request's
   * status does not change. Returns whether the item is marked now or no longer exists. Returns false if an operator
   * has redriven the request meanwhile.
   */
  erase(seen: Pick<RequestItem, 'user_id' | 'request_id'>): Promise<boolean>

  /**
   * Redrives a request, i.e. runs a failed request again: failed and not erased, as in `seen` → queued, in the given
   * run. Returns the item if it is in that run now.
   */
  redrive(seen: RequestItem, next: Redrive): Promise<RequestItem | undefined>

  /**
   * Retires a run number, if the item is failed, as in `seen`. After a redrive that did not finish, its run number is
   * marked as used, so that the redrive can't start its run any more, and no later redrive uses the number again (rule
   * 8). Returns whether the number is marked now.
   */
  retireRunNumber(seen: RequestItem, run: number): Promise<boolean>

  /**
   * Lists a user's items, newest first, at most `limit`, and older than the id `before`. `last` is the id after which
   * the next page begins.
   */
  list(userId: string, limit: number, before?: string): Promise<{ items: RequestItem[]; last?: string | undefined }>

  /**
   * Writes an outcome: running → completed | failed, or cancelled if the owner has asked for it. This happens only if
   * the outcome has the run and the attempt of the item. Returns the item if it has this outcome now, from this call or
   * from an earlier call with the same decision. Otherwise the outcome does not count (I7).
   */
  decide(decision: Decision): Promise<RequestItem | undefined>
}
