import type { Attributes } from '../../platform/dynamodb.ts'

/*
 * An item of leases as DynamoDB keeps it, in the table of requests:
 *
 *     user_id     <user_id>, or of the leases of all users `#waits#<shard>`, which no user is called
 *     request_id  wait#
 *     leases      { "<entry>": [until, nonce] }
 *     ttl         epoch seconds, past the end of every lease in it
 */

/** One lease in an item. */
export interface Entry {
  readonly entry: string
  readonly until: number
  readonly nonce: string
}

/** Where in an entry the nonce is. */
export const NONCE = 1

/** Sort keys of requests are UUIDs: what comes after them is not listed with them. */
const SORT_KEY = 'wait#'

export const keyOfUser = (user_id: string) => ({ user_id, request_id: SORT_KEY })
export const keyOfShard = (shard: number) => ({ user_id: `#waits#${shard}`, request_id: SORT_KEY })

export const toEntry = ({ until, nonce }: Pick<Entry, 'until' | 'nonce'>) => [until, nonce]

/** The leases in an item; undefined where the item has never had any. */
export function entriesOf(item: Attributes | undefined): Entry[] | undefined {
  if (item?.leases === undefined) return undefined
  return Object.entries(item.leases as Record<string, [number, string]>).map(([entry, [until, nonce]]) => ({
    entry,
    until,
    nonce,
  }))
}

/** More of them in one item, and its writes would cost more than one unit. */
const ENTRIES_A_SHARD = 16

/** How the leases of all users are spread over items: the parts add up to `total`. */
export function shardsOf(total: number): number[] {
  const shards = Math.ceil(total / ENTRIES_A_SHARD)
  return Array.from({ length: shards }, (_, i) => Math.floor(total / shards) + (i < total % shards ? 1 : 0))
}
