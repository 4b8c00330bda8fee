import * as z from 'zod'

/**
 * The most waits of a user. The expression that removes a user's leases may have at most 4 KB, which is enough for this
 * number. lib/config refuses more, too.
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
  /** Whether it may wait although another call waits for the same request already. */
  readonly beside_others: boolean
}

/** The right to wait. It counts against both limits until it is released or has ended by itself. */
export interface WaitLease {
  readonly user_id: string
  readonly nonce: string
  /** The name of the lease among the leases of its user. */
  readonly entry: string
  /** The common item that contains the lease. */
  readonly shard: number
}

/** The leases of all waiting calls, exact under any concurrency. Both methods reject with `Unavailable`. */
export interface WaitLeases {
  /**
   * Takes a lease of the user and one of all users. If too many calls wait already, it takes no lease and returns
   * undefined.
   */
  acquire(wait: Wait, limits: WaitLimits, now: number): Promise<WaitLease | undefined>
  /** Releases a lease. A lease that no longer exists is ignored. */
  release(lease: WaitLease): Promise<void>
}
