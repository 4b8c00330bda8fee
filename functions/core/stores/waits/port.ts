import * as z from 'zod'

/**
 * The highest allowed value of `per_user`. One expression removes all ended leases of a user. DynamoDB allows 4 KB for
 * an expression, which is enough for this number. lib/config refuses a higher number, too.
 */
const MAX_PER_USER = 50

/** How many calls may wait for the end of a request at the same time, per user and in total. With 0, no call may wait. */
export const WaitLimits = z.strictObject({
  per_user: z.int().nonnegative().max(MAX_PER_USER),
  total: z.int().nonnegative(),
})
export type WaitLimits = z.infer<typeof WaitLimits>

/** A call that wants to wait for the end of a request. */
export interface Wait {
  readonly user_id: string
  readonly request_id: string
  /** Distinguishes this wait from any other. */
  readonly nonce: string
  /** The time at which the lease ends by itself if it is not released, in epoch milliseconds. */
  readonly until: number
  /** Whether this call may wait although another call already waits for the same request. */
  readonly beside_others: boolean
}

/** The right of a call to wait. It counts against both limits until it is released or has ended by itself. */
export interface WaitLease {
  readonly user_id: string
  readonly nonce: string
  /** The name of the lease among the leases of its user. */
  readonly entry: string
  /** The number of the item that contains the lease among the items that count the waits of all users. */
  readonly shard: number
}

/** The leases of all waiting calls, exact under any concurrency. Both methods reject with `Unavailable`. */
export interface WaitLeases {
  /**
   * Takes a lease that counts for the user and for all users. If too many calls wait already, or if the call must be
   * the only one that waits for its request and is not, it takes no lease and returns undefined.
   */
  acquire(wait: Wait, limits: WaitLimits, now: number): Promise<WaitLease | undefined>
  /** Releases a lease. A lease that no longer exists is ignored. */
  release(lease: WaitLease): Promise<void>
}
