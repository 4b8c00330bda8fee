import { openRequests } from '../domain/gives-way.ts'
import type { Reservation } from '../domain/item.ts'
import { isFailedCall } from '../platform/unavailable.ts'
import type { Quota } from '../stores/quota/port.ts'

/**
 * The most other shards (items with a part of the user's counters) that are read for one estimate. Each read costs time
 * and money.
 */
const MOST_LOOKS = 20

/**
 * Estimates how many requests a user has open, after a reservation in one of the user's `shards`. With RabbitMQ, the
 * new request of a user who has more than `above` open requests gives way to the requests of other users. `used` are
 * the counters of that shard. Returns undefined if the quota does not count open requests.
 *
 * If the shard has only the new request, the user may have one open request in all, or one in each of many shards. So
 * if a plan has more shards than `above`, some of the other shards are read, as a sample. If these reads fail, the
 * request counts as the user's only one, and does not give way.
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
  // With this number of reads, two requests in the sample give an estimate that is more than `above`, and one request
  // does not. If `MOST_LOOKS` limits the number, one request may be enough.
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
