import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { QueryCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { sentNoteOf } from '../../domain/claim.ts'
import type { RequestItem } from '../../domain/item.ts'
import { type Attributes, get, put, update } from '../../platform/dynamodb.ts'
import { reaching, Unavailable } from '../../platform/unavailable.ts'
import { claim, endLease, noteStop, reclaim, requeue } from './claims.ts'
import type { RequestItems } from './port.ts'
import { redrive, retireRunNumber } from './redrives.ts'
import { type ItemTable, keyOf, toAttributes, toItem, transition } from './table.ts'
import { cancel, decide, endQueued, giveUp } from './terminal-transitions.ts'

/** Makes the store of request items in DynamoDB. */
export function dynamoItems(client: DynamoDBClient, name: string): RequestItems {
  const table: ItemTable = { client, name }
  const reach = <T>(call: () => Promise<T>) => reaching('the requests table', call)
  const read = (userId: string, requestId: string, isConsistent: boolean) =>
    reach(async () => toItem(await get(client, name, { user_id: userId, request_id: requestId }, isConsistent)))
  return {
    get: (userId, requestId) => read(userId, requestId, true),
    getPossiblyStale: (userId, requestId) => read(userId, requestId, false),
    create: item => reach(() => putFirst(table, item, 'attribute_not_exists(request_id)')),
    reject: tombstone => reach(() => reject(table, tombstone)),
    claim: (message, terms) => reach(() => claim(table, message, terms)),
    reclaim: (seen, terms) => reach(() => reclaim(table, seen, terms)),
    endLease: (seen, now) => reach(() => endLease(table, seen, now)),
    noteStop: (seen, now) => reach(() => noteStop(table, seen, now)),
    requeue: (claimed, next) => reach(() => requeue(table, claimed, next)),
    noteSent: seen => reach(() => noteSent(table, seen)),
    decide: decision => reach(() => decide(table, decision)),
    expire: (seen, now) => reach(() => endQueued(table, seen, now, 'expired')),
    cancel: (seen, now) => reach(() => cancel(table, seen, now)),
    giveUp: (seen, error, now) => reach(() => giveUp(table, seen, error, now)),
    erase: seen => reach(() => erase(table, seen)),
    redrive: (seen, next) => reach(() => redrive(table, seen, next)),
    retireRunNumber: (seen, run) => reach(() => retireRunNumber(table, seen, run)),
    list: (userId, limit, before) => reach(() => list(table, userId, limit, before)),
  }
}

/**
 * Returns the item that a refused write has met, or throws `Unavailable` if there is none. Usually there is an item,
 * because the item is the reason of the refusal. But an operator may delete it at this moment.
 */
function present(item: RequestItem | undefined): RequestItem {
  if (!item) throw new Unavailable('the requests table', new Error('an item that was just met is gone'))
  return item
}

async function putFirst(
  table: ItemTable,
  item: RequestItem,
  condition: string,
  more: { names?: Record<string, string>; values?: Attributes } = {},
): Promise<RequestItem> {
  const written = await put(table.client, {
    table: table.name,
    key: keyOf(item),
    item: toAttributes(item),
    condition,
    ...more,
  })
  return written.written ? item : present(toItem(written.existing))
}

function reject(table: ItemTable, tombstone: RequestItem): Promise<RequestItem> {
  const isAbsent = 'attribute_not_exists(request_id)'
  const wasNeverAttempted = '#status = :queued AND #run = :run AND #attempt = :none'
  return putFirst(table, tombstone, `${isAbsent} OR (${wasNeverAttempted})`, {
    names: { '#status': 'status', '#run': 'run', '#attempt': 'attempt' },
    values: { ':queued': 'queued', ':run': tombstone.run, ':none': 0 },
  })
}

async function noteSent(table: ItemTable, seen: RequestItem): Promise<void> {
  await transition(table, {
    of: seen,
    update: 'SET claim_id = :note',
    condition: ['#status = :queued AND #run = :run'],
    values: { ':queued': 'queued', ':run': seen.run, ':note': sentNoteOf(seen.run) },
  })
}

/**
 * Marks an item as deleted by its owner. If an operator has deleted the item meanwhile, no new item is created.
 * Otherwise an item with the ids of deleted data would stay behind.
 */
async function erase(table: ItemTable, seen: Pick<RequestItem, 'user_id' | 'request_id'>): Promise<boolean> {
  const written = await update(table.client, {
    table: table.name,
    key: keyOf(seen),
    update: 'SET erased = :true',
    // Only the item of a request that has ended has `completed_at`.
    condition: ['attribute_exists(request_id)', '(attribute_exists(completed_at) OR cancel_requested = :true)'],
    values: { ':true': true },
  })
  return written.written || written.existing === undefined
}

/**
 * A sort key after all ids of requests. Ids are UUIDs, so they begin with a digit or a letter from a to f. A user's
 * other items sort after `g`, so a list does not include them.
 */
const AFTER_ALL_IDS = 'g'

async function list(table: ItemTable, userId: string, limit: number, before = AFTER_ALL_IDS) {
  const { Items = [], LastEvaluatedKey } = await table.client.send(
    new QueryCommand({
      TableName: table.name,
      KeyConditionExpression: 'user_id = :user AND request_id < :before',
      ExpressionAttributeValues: marshall({ ':user': userId, ':before': before }),
      ScanIndexForward: false,
      Limit: limit,
      ConsistentRead: true,
    }),
  )
  const items = Items.flatMap(item => toItem(unmarshall(item)) ?? [])
  return { items, last: LastEvaluatedKey && items.at(-1)?.request_id }
}
