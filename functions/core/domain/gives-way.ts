import type { InferenceMessage } from './messages.ts'

/**
 * The number of open requests above which a user's further requests wait in a bulk queue, because RabbitMQ itself does
 * not prefer users with few messages. Most clients have fewer open requests at the same time. The number is small
 * enough that hundreds of users are served one after the other.
 */
export const GIVES_WAY_ABOVE = 10

/**
 * Returns the approximate number of a user's open requests, from the count of one shard after a reservation in it.
 * Requests are spread over the shards by chance, so each other request in this shard stands for one in every shard.
 * So it does not know of the others if this request is alone in its shard: `countOpen` looks further then.
 * Returns undefined if the quota counts no open requests.
 */
export const openRequests = (
  used: { readonly in_flight?: number | undefined } | undefined,
  shards: number,
): number | undefined => (used?.in_flight === undefined ? undefined : 1 + (used.in_flight - 1) * shards)

/**
 * Returns whether a request gives way to those of other users. `open` is the number of its user's open requests.
 * `above` is undefined if no requests give way.
 */
export const givesWay = (open: number | undefined, above: number | undefined): boolean =>
  above !== undefined && (open ?? 0) > above

/**
 * Returns whether a message goes to a bulk queue. A message with a slot in the rate limit does not go there, because
 * its slot is soon over.
 */
export const goesToBulk = ({ hints }: Pick<InferenceMessage, 'hints'>): boolean =>
  hints?.gives_way === true && hints.turn === undefined
