import * as z from 'zod'
import type { Reservation } from '../../domain/item.ts'
import type { Attributes } from '../../platform/dynamodb.ts'
import type { Counters, OpenReservation } from './port.ts'

/*
 * A quota item in DynamoDB:
 *
 *     pk         user#<user_id>#<window>[#<shard>]
 *     requests   the requests that were admitted and not released
 *     tokens     the tokens that were settled or are reserved
 *     open       { "<request_id>:<run>": [estimate, at, nonce, holds_request ? 1 : 0] }
 *     calls_interval, calls0 … calls30   the posts that count for the rate (call-rate.ts)
 *     watched    <user_id> as long as a reservation may be open: the key of an index of such items (ADR 0017)
 *     ttl        epoch seconds
 *
 * A reader ignores attributes that it does not know: a newer version may have written them.
 */
const Used = z.object({ requests: z.number(), tokens: z.number() })
/** One open reservation: estimate, time, nonce, and 1 if the reservation holds a request. */
const Entry = z.tuple([z.number(), z.number(), z.string(), z.number()], z.unknown())
const QuotaItem = z.object({ ...Used.shape, open: z.record(z.string(), Entry) })
const Key = z.object({ pk: z.string() })

/** The user, window and shard whose counters an item holds. */
export type QuotaKey = Pick<Reservation, 'user_id' | 'window' | 'shard'>

export const pkOf = ({ user_id, window, shard }: QuotaKey): string =>
  `user#${user_id}#${window}${shard === 0 ? '' : `#${shard}`}`

/** Reads the partition key of an item: the user, the window and the shard. */
export function keyOf(item: Attributes): QuotaKey & { readonly pk: string } {
  const { pk } = Key.parse(item)
  const [, userId = '', window = '', shard = '0'] = pk.split('#')
  return { pk, user_id: userId, window, shard: Number(shard) }
}

export const entryName = ({ request_id, run }: Reservation): string => `${request_id}:${run}`
export const toEntry = (r: Reservation, at: number) => [r.estimate, at, r.nonce, r.holds_request ? 1 : 0]
/** The index of the nonce in an entry. */
export const NONCE_INDEX = 2

/** Returns the counters in an item. Without an item, nothing was admitted yet. */
export function toCounters(item: Attributes | undefined, key: QuotaKey): Counters {
  if (!item) return { requests: 0, tokens: 0, open: [] }
  const { requests, tokens, open } = QuotaItem.parse(item)
  return { requests, tokens, open: Object.entries(open).map(([name, entry]) => toOpenReservation(key, name, entry)) }
}

function toOpenReservation(
  { user_id, window, shard }: QuotaKey,
  name: string,
  [estimate, at, nonce, holds]: z.infer<typeof Entry>,
): OpenReservation {
  const separator = name.lastIndexOf(':')
  const reservation = {
    user_id,
    request_id: name.slice(0, separator),
    run: Number(name.slice(separator + 1)),
    window,
    shard,
    nonce,
    estimate,
    holds_request: holds === 1,
  }
  return { reservation, at }
}

/** Returns only the requests and tokens of an item, or of the answer of an update, without the open reservations. */
export const usedOf = (item: Attributes): z.infer<typeof Used> => Used.parse(item)

const Open = z.object({ open: z.record(z.string(), z.unknown()) })

/** Returns the number of open reservations in an item. */
export const openIn = (item: Attributes): number => Object.keys(Open.parse(item).open).length
