import { openRequests } from '../domain/gives-way.ts'
import type { Reservation } from '../domain/item.ts'
import { isFailedCall } from '../platform/unavailable.ts'
import type { Quota } from '../stores/quota/port.ts'

/** The most other shards that are read. */
const MOST_LOOKS = 20

/**
 * Estimates how many requests a user has open, after a reservation in one of the user's `shards`. `used` are the counters of
 * that shard. Returns undefined if the quota does not count open requests. Callers compare the number with `above`.
 *
 * The only request in its shard may be the user's only request, or each of many shards may have one request. So if a plan has
 * more shards than `above`, some other shards are read, as a sample of all. If these reads fail, the request counts as the
 * only one.
 */
export async function countOpen(
  { quota }: { readonly quota: Pick<Quota, 'read'> },
  { user_id, window, shard }: Pick<Reservation, 'user_id' | 'window' | 'shard'>,
  used: { readonly in_flight?: number | undefined } | undefined,
  shards: number,
  above: number | undefined,
): Promise<number | undefined> {
  const open = openRequests(used, shards)
  if (open !== 1 || above === undefined || shards <= above) return open
  const others = shards - 1
  // Two requests in other shards say that there are too many. One does not.
  const looks = Math.min(MOST_LOOKS, Math.ceil(others / Math.max(1, above - 1)))
  const looked = Array.from({ length: looks }, (_, i) => (shard + 1 + Math.floor((i * others) / looks)) % shards)
  try {
    const counters = await Promise.all(looked.map(one => quota.read(user_id, window, one)))
    const found = counters.reduce((sum, { open }) => sum + open.length, 0)
    return open + Math.round((found * others) / looks)
  } catch (error) {
    if (isFailedCall(error)) return open
    throw error
  }
}
