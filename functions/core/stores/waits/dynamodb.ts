import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { type Attributes, update } from '../../platform/dynamodb.ts'
import { type Random, systemRandom } from '../../platform/random.ts'
import { reaching } from '../../platform/unavailable.ts'
import { type Entry, entriesOf, keyOfShard, keyOfUser, NONCE_INDEX, shardsOf, toEntry } from './entries.ts'
import type { Wait, WaitLease, WaitLeases, WaitLimits } from './port.ts'

interface Table {
  readonly client: DynamoDBClient
  readonly name: string
}

/**
 * Makes the store of wait leases, in the table of requests. A wait lease is the right of a call to wait for the end of
 * a request. There is one item per user, and a few common items for all users together. To acquire a lease, two
 * conditional updates are made: one of the user's item, and one of a common item. The store makes items with UpdateItem
 * and not with PutItem, so that the reader needs no further rights (docs/adr/0019).
 */
export function dynamoWaitLeases(client: DynamoDBClient, name: string, random: Random = systemRandom): WaitLeases {
  const table = { client, name }
  return {
    acquire: (wait, limits, now) => reaching('the requests table', () => acquire(table, random, wait, limits, now)),
    release: lease => reaching('the requests table', () => release(table, lease)),
  }
}

/**
 * A lease must also fit into one of the common items, which count the waits of all users. At most this number of them is
 * tried before a wait is refused. The number is small, because each try is a write that costs money. So a call may be
 * answered at once although another common item has room.
 */
const MAX_SHARD_TRIES = 4

async function acquire(
  table: Table,
  random: Random,
  wait: Wait,
  { per_user, total }: WaitLimits,
  now: number,
): Promise<WaitLease | undefined> {
  if (per_user === 0 || total === 0) return undefined
  const entry = await takeOfUser(table, wait, per_user, now)
  if (entry === undefined) return undefined
  const shards = shardsOf(total)
  const first = Math.floor(random() * shards.length)
  for (let i = 0; i < Math.min(MAX_SHARD_TRIES, shards.length); i++) {
    const shard = (first + i) % shards.length
    const want = { key: keyOfShard(shard), entry: { ...wait, entry: wait.nonce }, limit: shards[shard] ?? 0 }
    if ((await take(table, want, now)) === 'taken') return { user_id: wait.user_id, nonce: wait.nonce, entry, shard }
  }
  await remove(table, keyOfUser(wait.user_id), { ...wait, entry })
  return undefined
}

/**
 * Takes a lease in the user's item. The lease's name is the id of its request. So a wait that must be the only one for
 * its request finds out that the name is taken. A wait that may be beside others then takes another name. Returns the
 * name of the lease, or undefined if the wait is refused.
 */
async function takeOfUser(table: Table, wait: Wait, limit: number, now: number): Promise<string | undefined> {
  const names = [wait.request_id, ...(wait.beside_others ? [`${wait.request_id}:${wait.nonce}`] : [])]
  for (const entry of names) {
    const taken = await take(table, { key: keyOfUser(wait.user_id), entry: { ...wait, entry }, limit }, now)
    if (taken === 'taken') return entry
    if (taken === 'full') return undefined
  }
  return undefined
}

async function release(table: Table, { user_id, nonce, entry, shard }: WaitLease): Promise<void> {
  await Promise.all([
    remove(table, keyOfUser(user_id), { entry, nonce }),
    remove(table, keyOfShard(shard), { entry: nonce, nonce }),
  ])
}

interface Want {
  readonly key: Attributes
  readonly entry: Entry
  /** The most entries of the item. */
  readonly limit: number
}

/**
 * The most tries to write an item that other calls change at the same time. After them, the wait is refused and its
 * call is answered at once, because a wait is not worth more writes.
 */
const MAX_TRIES = 5

/**
 * Adds an entry to one item. `held`: a lease that has not ended has this name. `full`: the item has no room, or other
 * calls have changed it at each try.
 */
async function take(table: Table, { key, entry, limit }: Want, now: number): Promise<'taken' | 'held' | 'full'> {
  let there: Entry[] | undefined = []
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const add = there ? addEntry(entry, limit, there, now) : firstEntry(entry)
    const written = await update(table.client, { ...add, table: table.name, key })
    if (written.written) return 'taken'
    there = entriesOf(written.existing)
    const sameName = there?.find(other => other.entry === entry.entry)
    if (sameName?.nonce === entry.nonce) return 'taken' // An earlier call has taken it, and its answer was lost.
    if (sameName && sameName.until > now) return 'held'
    const live = there?.filter(({ until }) => until > now) ?? []
    if (live.length >= limit) return 'full'
  }
  return 'full'
}

/**
 * The time between the end of a lease and the deletion of its item, in seconds. It is longer than clocks can differ, so
 * that every lease has ended when DynamoDB deletes an item.
 */
const CLEAN_UP_SECONDS = 86_400
const ttlOf = ({ until }: Entry): number => Math.ceil(until / 1000) + CLEAN_UP_SECONDS

/**
 * Sets the map with the first lease. This is a separate update, because no expression of DynamoDB can set a map and one
 * of its entries at the same time.
 */
const firstEntry = (entry: Entry) => ({
  update: 'SET #leases = :leases, #ttl = :ttl',
  condition: ['attribute_not_exists(#leases)'],
  names: { '#leases': 'leases', '#ttl': 'ttl' },
  values: { ':leases': { [entry.entry]: toEntry(entry) }, ':ttl': ttlOf(entry) },
})

/**
 * Adds an entry and removes the leases that have ended. The condition is that the ended leases have not changed since
 * they were read, and that there is room.
 */
function addEntry(entry: Entry, limit: number, there: readonly Entry[], now: number) {
  const ended = there.filter(({ until }) => until <= now)
  const replaced = ended.find(other => other.entry === entry.entry)
  const removed = ended.filter(other => other !== replaced)
  const removals = removed.map((_, i) => `#leases.#e${i}`)
  const isFree = replaced ? `#leases.#entry[${NONCE_INDEX}] = :replaced` : 'attribute_not_exists(#leases.#entry)'
  const areAsSeen = removed.map((_, i) => `#leases.#e${i}[${NONCE_INDEX}] = :n${i}`)
  const hasRoom = 'size(#leases) < :limit'
  return {
    update: `SET #leases.#entry = :entry, #ttl = :ttl${removals.length > 0 ? ` REMOVE ${removals.join(', ')}` : ''}`,
    condition: [isFree, ...areAsSeen, hasRoom],
    names: {
      '#leases': 'leases',
      '#ttl': 'ttl',
      '#entry': entry.entry,
      ...Object.fromEntries(removed.map((other, i) => [`#e${i}`, other.entry])),
    },
    values: {
      ':entry': toEntry(entry),
      ':ttl': ttlOf(entry),
      ':limit': limit + ended.length,
      ...(replaced ? { ':replaced': replaced.nonce } : {}),
      ...Object.fromEntries(removed.map((other, i) => [`:n${i}`, other.nonce])),
    },
  }
}

/** Removes the entry of a lease. It must still have the lease's nonce, because another lease may have its name by now. */
const remove = ({ client, name }: Table, key: Attributes, { entry, nonce }: Pick<Entry, 'entry' | 'nonce'>) =>
  update(client, {
    table: name,
    key,
    update: 'REMOVE #leases.#entry',
    condition: [`#leases.#entry[${NONCE_INDEX}] = :nonce`],
    names: { '#leases': 'leases', '#entry': entry },
    values: { ':nonce': nonce },
  })
