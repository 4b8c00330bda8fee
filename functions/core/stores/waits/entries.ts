import * as z from 'zod'
import type { Attributes } from '../../platform/dynamodb.ts'

/*
 * An item with leases, in the table of requests:
 *
 *     user_id     <user_id>, or `#waits#<shard>` for the leases of all users: no user id looks like that
 *     request_id  wait#
 *     leases      { "<entry>": [until, nonce] }
 *     ttl         epoch seconds, past the end of every lease in it
 *
 * A reader ignores attributes that it does not know: a newer version may have written them.
 */
const Leases = z.object({
  leases: z.record(z.string(), z.tuple([z.number(), z.string()], z.unknown())).optional(),
})

/** One lease in an item. */
export interface Entry {
  readonly entry: string
  readonly until: number
  readonly nonce: string
}

/** The index of the nonce in an entry. */
export const NONCE_INDEX = 1

/**
 * The sort key of an item with leases. The sort keys of requests are UUIDs, and `wait#` sorts after all of them. So a
 * list of requests does not include items with leases.
 */
const SORT_KEY = 'wait#'

export const keyOfUser = (userId: string) => ({ user_id: userId, request_id: SORT_KEY })
export const keyOfShard = (shard: number) => ({ user_id: `#waits#${shard}`, request_id: SORT_KEY })

export const toEntry = ({ until, nonce }: Pick<Entry, 'until' | 'nonce'>) => [until, nonce]

/** Returns the leases in an item. Returns undefined if the item has never had one. */
export function entriesOf(item: Attributes | undefined): Entry[] | undefined {
  const { leases } = Leases.parse(item ?? {})
  return leases && Object.entries(leases).map(([entry, [until, nonce]]) => ({ entry, until, nonce }))
}

/**
 * The highest number of leases in a common item, i.e. one that counts waits of all users. With more leases, the item
 * would be larger than 1 KB, and each write would cost more than one write unit.
 */
const MAX_LEASES_PER_SHARD = 16

/** Returns the highest number of leases for each common item. The numbers add up to `total`. */
export function shardsOf(total: number): number[] {
  const shards = Math.ceil(total / MAX_LEASES_PER_SHARD)
  return Array.from({ length: shards }, (_, i) => Math.floor(total / shards) + (i < total % shards ? 1 : 0))
}
