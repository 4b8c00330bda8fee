import * as z from 'zod'

/** The expression that removes a user's leases has at most 4 KB, which is enough for this many. lib/config refuses more, too. */
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
  /** Tells this wait from any other. */
  readonly nonce: string
  /** When the lease ends by itself if it is not released, epoch milliseconds. */
  readonly until: number
  /** Whether it may wait although another call waits for the same request already. */
  readonly beside_others: boolean
}

/** The right to wait. It counts against both limits until it is released or has ended by itself. */
export interface WaitLease {
  readonly user_id: string
  readonly nonce: string
  /** Its name among the leases of its user. */
  readonly entry: string
  /** The part of the leases of all users that holds it. */
  readonly shard: number
}

/** The leases of all calls that wait, exact under any concurrency. Both methods reject with `Unavailable`. */
export interface WaitLeases {
  /** Takes a lease of the user and one of all users. Undefined, and none is taken, if too many calls wait already. */
  acquire(wait: Wait, limits: WaitLimits, now: number): Promise<WaitLease | undefined>
  /** Releases a lease. A lease that no longer exists is ignored. */
  release(lease: WaitLease): Promise<void>
}
