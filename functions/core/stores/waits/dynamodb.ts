import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { type Attributes, update } from '../../platform/dynamodb.ts'
import { type Random, systemRandom } from '../../platform/random.ts'
import { reaching } from '../../platform/unavailable.ts'
import { type Entry, entriesOf, keyOfShard, keyOfUser, NONCE, shardsOf, toEntry } from './entries.ts'
import type { Wait, WaitLease, WaitLeases, WaitLimits } from './port.ts'

interface Table {
  readonly client: DynamoDBClient
  readonly name: string
}

/**
 * Leases in DynamoDB, beside the requests: an item a user, and a few of all users together. Taking one is one conditional
 * update of each. It takes no PutItem, so that the reader needs no more rights than it has (docs/adr/0019).
 */
export function dynamoWaitLeases(client: DynamoDBClient, name: string, random: Random = systemRandom): WaitLeases {
  const table = { client, name }
  return {
    acquire: (wait, limits, now) => reaching('the requests table', () => acquire(table, random, wait, limits, now)),
    release: lease => reaching('the requests table', () => release(table, lease)),
  }
}

/** Items of all users' leases that are tried before a wait is refused: each costs a write. */
const SHARD_TRIES = 4

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
  for (let i = 0; i < Math.min(SHARD_TRIES, shards.length); i++) {
    const shard = (first + i) % shards.length
    const want = { key: keyOfShard(shard), entry: { ...wait, entry: wait.nonce }, limit: shards[shard] ?? 0 }
    if ((await take(table, want, now)) === 'taken') return { user_id: wait.user_id, nonce: wait.nonce, entry, shard }
  }
  await remove(table, keyOfUser(wait.user_id), { ...wait, entry })
  return undefined
}

/**
 * A lease is called like its request, so that a wait that must be the only one finds any other in its way. One that may wait
 * beside others takes a name of its own then. Answers with the name; undefined where there is no room.
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

/** Somebody else may be quicker, and be so again; a wait is not worth many calls. */
const TRIES = 5

/** Takes an entry of one item. `held`: a live lease has this name. `full`: there is no room, or no certainty of any. */
async function take(table: Table, { key, entry, limit }: Want, now: number): Promise<'taken' | 'held' | 'full'> {
  let there: Entry[] | undefined = []
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const add = there ? addEntry(entry, limit, there, now) : firstEntry(entry)
    const written = await update(table.client, { ...add, table: table.name, key })
    if (written.written) return 'taken'
    there = entriesOf(written.existing)
    const sameName = there?.find(other => other.entry === entry.entry)
    if (sameName?.nonce === entry.nonce) return 'taken' // by a call whose answer was lost
    if (sameName && sameName.until > now) return 'held'
    const live = there?.filter(({ until }) => until > now) ?? []
    if (live.length >= limit) return 'full'
  }
  return 'full'
}

/** Past every lease's end by more than clocks can differ. */
const CLEAN_UP_SECONDS = 86_400
const ttlOf = ({ until }: Entry): number => Math.ceil(until / 1000) + CLEAN_UP_SECONDS

/** No expression can set a map and an entry of it at once: the first lease brings the map with it. */
const firstEntry = (entry: Entry) => ({
  update: 'SET #leases = :leases, #ttl = :ttl',
  condition: ['attribute_not_exists(#leases)'],
  names: { '#leases': 'leases', '#ttl': 'ttl' },
  values: { ':leases': { [entry.entry]: toEntry(entry) }, ':ttl': ttlOf(entry) },
})

/** Adds an entry in place of the leases that have ended by themselves, if those are as they were seen, and if there is room. */
function addEntry(entry: Entry, limit: number, there: readonly Entry[], now: number) {
  const ended = there.filter(({ until }) => until <= now)
  const replaced = ended.find(other => other.entry === entry.entry)
  const removed = ended.filter(other => other !== replaced)
  const removals = removed.map((_, i) => `#leases.#e${i}`)
  const isFree = replaced ? `#leases.#entry[${NONCE}] = :replaced` : 'attribute_not_exists(#leases.#entry)'
  const areAsSeen = removed.map((_, i) => `#leases.#e${i}[${NONCE}] = :n${i}`)
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

/** Only as it was taken: another lease may have its name by now. */
const remove = ({ client, name }: Table, key: Attributes, { entry, nonce }: Pick<Entry, 'entry' | 'nonce'>) =>
  update(client, {
    table: name,
    key,
    update: 'REMOVE #leases.#entry',
    condition: [`#leases.#entry[${NONCE}] = :nonce`],
    names: { '#leases': 'leases', '#entry': entry },
    values: { ':nonce': nonce },
  })
