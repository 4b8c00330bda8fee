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
 * Makes the store of leases in DynamoDB, in the table of requests: one item per user, and a few items for all users
 * together. A lease is one conditional update of the user's item and one of a common item. It uses no PutItem, so that
 * the reader needs no further rights (docs/adr/0019).
 */
export function dynamoWaitLeases(client: DynamoDBClient, name: string, random: Random = systemRandom): WaitLeases {
  const table = { client, name }
  return {
    acquire: (wait, limits, now) => reaching('the requests table', () => acquire(table, random, wait, limits, now)),
    release: lease => reaching('the requests table', () => release(table, lease)),
  }
}

/** The most common items that are tried before a wait is refused. Each try is a write. */
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
 * Takes a lease of the user. The lease has the name of its request, so that a wait that must be the only one finds any
 * other wait for the request. If this name is taken, a wait that may be beside others takes another name. Returns the
 * name, or undefined if there is no room.
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

/** The most tries if other calls are always faster. A wait is not worth more tries. */
const MAX_TRIES = 5

/**
 * Takes an entry of one item. `held`: a live lease has this name. `full`: there is no room, or it is not known whether
 * there is.
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

/** Sets the map with the first lease. No expression can set a map and one of its entries at the same time. */
const firstEntry = (entry: Entry) => ({
  update: 'SET #leases = :leases, #ttl = :ttl',
  condition: ['attribute_not_exists(#leases)'],
  names: { '#leases': 'leases', '#ttl': 'ttl' },
  values: { ':leases': { [entry.entry]: toEntry(entry) }, ':ttl': ttlOf(entry) },
})

/** Adds an entry and removes the ended leases, if these are still as they were read and if there is room. */
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

/** Removes an entry if it has the same nonce, because another lease may have its name by now. */
const remove = ({ client, name }: Table, key: Attributes, { entry, nonce }: Pick<Entry, 'entry' | 'nonce'>) =>
  update(client, {
    table: name,
    key,
    update: 'REMOVE #leases.#entry',
    condition: [`#leases.#entry[${NONCE_INDEX}] = :nonce`],
    names: { '#leases': 'leases', '#entry': entry },
    values: { ':nonce': nonce },
  })
