import type { InferenceMessage } from './messages.ts'

/**
 * If a user has more open requests than this number, the user's further requests wait in a bulk queue, so that other
 * users' requests go first. The bulk queue exists only with RabbitMQ, which itself does not prefer users with few
 * messages, as SQS does. Most clients have fewer open requests at the same time, so they never use the bulk queue. The
 * number is small, because this many requests of each user do not wait in the bulk queue, and may delay the requests of
 * others (ADR 0052).
 */
export const GIVES_WAY_ABOVE = 10

/**
 * Estimates the number of a user's open requests from the count of one shard (a quota item with a part of the user's
 * counters), directly after a reservation in this shard. Requests are spread over the shards at random. So each other
 * request in this shard counts as one request in every shard. If the new request is alone in its shard, the result is
 * 1, although other shards may have requests. If the plan has many shards, `countOpen` then reads some of them, too.
 * Returns undefined if the quota counts no open requests.
 */
export const openRequests = (
  used: { readonly in_flight?: number | undefined } | undefined,
  shards: number,
): number | undefined => (used?.in_flight === undefined ? undefined : 1 + (used.in_flight - 1) * shards)

/**
 * Returns whether a request gives way to the requests of other users, i.e. waits in a bulk queue until they have gone
 * first. `open` is the number of the user's open requests. `above` is undefined if no requests give way.
 */
export const givesWay = (open: number | undefined, above: number | undefined): boolean =>
  above !== undefined && (open ?? 0) > above

/**
 * Returns whether a message goes to a bulk queue. A message with a slot in the rate limit does not go there, because it
 * would wait there beyond its slot, i.e. the time for its one call. The rate limit has already counted this call, so
 * the model would get one call fewer than the limit allows.
 */
export const goesToBulk = ({ hints }: Pick<InferenceMessage, 'hints'>): boolean =>
  hints?.gives_way === true && hints.turn === undefined
