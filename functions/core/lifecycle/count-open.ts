import { openRequests } from '../domain/gives-way.ts'
import type { Reservation } from '../domain/item.ts'
import { isFailedCall } from '../platform/unavailable.ts'
import type { Quota } from '../stores/quota/port.ts'

/** So many other shards are looked at, at most. Each costs a read. */
const MOST_LOOKS = 20

/**
 * About how many requests a user has open, after a reservation in one of the `shards`, whose counters are `used`. Undefined where the quota
 * counts none. `above` is the number from which on it matters.
 *
 * The only request in its shard may be the user's only one, or each of many shards has one. So a plan with more shards than `above` is looked
 * at further: some other shards are read, and stand for all. Without their answers, the request counts as the only one.
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
