import * as z from 'zod'

/** More leases of one user would not fit the expression that removes them (4 KB). lib/config refuses more, too. */
const MAX_PER_USER = 50

/** How many calls may wait for the end of a request at a time: of one user, and of all users together. 0: none. */
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
  /** Epoch milliseconds at which the lease ends by itself, if nobody gives it back. */
  readonly until: number
  /** Whether it may wait although another call waits for the same request already. */
  readonly beside_others: boolean
}

/** The right to wait. It counts against both limits until it is given back, or has ended by itself. */
export interface WaitLease {
  readonly user_id: string
  readonly nonce: string
  /** What it is called among the leases of its user. */
  readonly entry: string
  /** Which part of the leases of all users it is in. */
  readonly shard: number
}

/** The leases of all calls that wait, exact under any concurrency. Both methods reject with `Unavailable`. */
export interface WaitLeases {
  /** Takes a lease of the user and one of all users' leases, or none: undefined where too many wait already. */
  acquire(wait: Wait, limits: WaitLimits, now: number): Promise<WaitLease | undefined>
  /** Gives a lease back; one that is not there any more is left as it is. */
  release(lease: WaitLease): Promise<void>
}
