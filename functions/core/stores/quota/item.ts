import type { Reservation } from '../../domain/item.ts'
import type { Attributes } from '../../platform/dynamodb.ts'
import type { Counters, OpenReservation } from './port.ts'

/*
 * A quota item as DynamoDB keeps it:
 *
 *     pk       user#<user_id>#<window>[#<shard>]
 *     open     { "<request_id>:<run>": [estimate, at, nonce, holds_request ? 1 : 0] }
 *     calls_interval, calls0 … calls30   the posts that count for the rate (calls.ts)
 *     watched  <user_id>, as long as something may be open: the key of an index of such items (ADR 0017)
 */

/** Which item it is. */
export type ItemOf = Pick<Reservation, 'user_id' | 'window' | 'shard'>
export const key = ({ user_id, window, shard }: ItemOf): string =>
  `user#${user_id}#${window}${shard === 0 ? '' : `#${shard}`}`
export const itemOf = (pk: string): ItemOf => {
  const [, user_id = '', window = '', shard = '0'] = pk.split('#')
  return { user_id, window, shard: Number(shard) }
}
export const entryKey = ({ request_id, run }: Reservation): string => `${request_id}:${run}`
export const toEntry = (r: Reservation, at: number) => [r.estimate, at, r.nonce, r.holds_request ? 1 : 0]
/** Where in an entry the nonce is. */
export const NONCE = 2

export function toCounters(item: Attributes | undefined, of: ItemOf): Counters {
  if (!item) return { requests: 0, tokens: 0, open: [] }
  const open = Object.entries(item.open as Record<string, [number, number, string, number]>).map(
    ([entry, [estimate, at, nonce, holds]]): OpenReservation => {
      const separator = entry.lastIndexOf(':')
      const reservation: Reservation = {
        user_id: of.user_id,
        request_id: entry.slice(0, separator),
        run: Number(entry.slice(separator + 1)),
        window: of.window,
        shard: of.shard,
        nonce,
        estimate,
        holds_request: holds === 1,
      }
      return { reservation, at }
    },
  )
  return { ...usedOf(item), open }
}

export const usedOf = (item: Attributes) => ({ requests: item.requests as number, tokens: item.tokens as number })
