import type { InferenceMessage } from './messages.ts'

/**
 * RabbitMQ serves nobody first. So the requests of a user who has more open ones than this wait in a bulk queue. It is more than most clients
 * have open at a time, and few enough that hundreds of users are served one after the other.
 */
export const GIVES_WAY_ABOVE = 10

/**
 * About how many requests a user has open, by the count of one shard after a reservation in it. Requests are spread
 * over the shards by chance, so each other one in this shard stands for one in every shard. Returns undefined where the
 * quota counts none.
 */
export const openRequests = (
  used: { readonly in_flight?: number | undefined } | undefined,
  shards: number,
): number | undefined => (used?.in_flight === undefined ? undefined : 1 + (used.in_flight - 1) * shards)

/**
 * Returns whether a request gives way to those of others. `open` is how many its user has open; `above` is undefined
 * where nobody gives way.
 */
export const givesWay = (open: number | undefined, above: number | undefined): boolean =>
  above !== undefined && (open ?? 0) > above

/**
 * Returns whether a message goes to a bulk queue. One that has a slot in the rate limit does not, since its slot is
 * soon over.
 */
export const goesToBulk = ({ hints }: Pick<InferenceMessage, 'hints'>): boolean =>
  hints?.gives_way === true && hints.turn === undefined
