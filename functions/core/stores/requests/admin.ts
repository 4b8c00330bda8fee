import {
  BatchGetItemCommand,
  type DynamoDBClient,
  type KeysAndAttributes,
  paginateQuery,
  paginateScan,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import * as z from 'zod'
import { RequestId } from '../../domain/ids.ts'
import { type RequestItem, Status } from '../../domain/item.ts'
import type { Attributes } from '../../platform/dynamodb.ts'
import { deleteIf } from '../../platform/dynamodb-delete.ts'
import { reaching, reachingEach } from '../../platform/unavailable.ts'
import { toItem } from './table.ts'

/** Returns all request items, one page of the table at a time. Rejects with `Unavailable` if the service can't be reached. */
export function allItems(client: DynamoDBClient, table: string): AsyncGenerator<RequestItem[]> {
  return reachingEach('the requests table', scan(client, table))
}

async function* scan(client: DynamoDBClient, table: string): AsyncGenerator<RequestItem[]> {
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    yield Items.map(item => unmarshall(item))
      // The table also has items that are no requests, such as the bindings of idempotency keys. They are left out.
      .filter(item => RequestId.safeParse(item.request_id).success)
      .flatMap(item => toItem(item) ?? [])
}

/** The result of deleting a user's items. */
export interface DeletedItems {
  /** The number of deleted requests. Other items of the user (keys, leases) are not counted. */
  readonly requests: number
  /**
   * The number of requests that were not deleted, because they wait or run. They must be deleted later, when they have
   * ended.
   */
  readonly left: number
}

/**
 * Deletes all items of a user, except requests that wait or run. If a call fails midway, a repetition deletes the rest.
 * Rejects with `Unavailable` if the service can't be reached.
 */
export const deleteItemsOf = (client: DynamoDBClient, table: string, userId: string): Promise<DeletedItems> =>
  reaching('the requests table', async () => {
    let [requests, left] = [0, 0]
    for await (const { Items = [] } of paginateQuery({ client, pageSize: DELETED_AT_ONCE }, query(table, userId)))
      await Promise.all(
        Items.map(async item => {
          const requestId: unknown = unmarshall(item).request_id
          const deleted = await deleteIf(client, {
            table,
            key: { user_id: userId, request_id: requestId },
            ...HAS_ENDED,
          })
          if (!deleted) left += 1
          else if (RequestId.safeParse(requestId).success) requests += 1
        }),
      )
    return { requests, left }
  })

const DELETED_AT_ONCE = 50

const query = (table: string, userId: string) => ({
  TableName: table,
  KeyConditionExpression: 'user_id = :user',
  ExpressionAttributeValues: marshall({ ':user': userId }),
  ProjectionExpression: 'request_id',
  ConsistentRead: true,
})

/** The condition of a deletion: the request has ended, or the item is no request. */
const HAS_ENDED = {
  condition: 'attribute_not_exists(#status) OR NOT (#status = :queued OR #status = :running)',
  names: { '#status': 'status' },
  values: { ':queued': 'queued', ':running': 'running' },
}

type Key = Pick<RequestItem, 'user_id' | 'request_id'>

/** The most keys of one BatchGetItem. */
const READ_AT_ONCE = 100

/**
 * Reads the statuses of many requests, by their ids. A request without an item is left out. The reads are not strongly
 * consistent, so an operator may see a status that is a second old. Rejects with `Unavailable` if the service can't be reached.
 */
export const statusesOf = (
  client: DynamoDBClient,
  table: string,
  requests: readonly Key[],
): Promise<Map<string, Status>> =>
  reaching('the requests table', async () => {
    const statuses = new Map<string, Status>()
    for (let at = 0; at < requests.length; at += READ_AT_ONCE)
      for (const item of await readBatch(client, table, requests.slice(at, at + READ_AT_ONCE)))
        statuses.set(item.request_id, item.status)
    return statuses
  })

const StoredStatus = z.object({ request_id: z.string(), status: Status })

const readBatch = async (client: DynamoDBClient, table: string, keys: readonly Key[]) =>
  (
    await readKeys(client, table, keys, {
      ProjectionExpression: 'request_id, #status',
      ExpressionAttributeNames: STATUS_NAME,
    })
  ).map(item => StoredStatus.parse(item))

/**
 * Reads many items, by the ids of their requests. A request without an item is left out. The reads are not strongly
 * consistent, so an operator may see an item that is a second old. Rejects with `Unavailable` if the service can't be reached.
 */
export const itemsOf = (client: DynamoDBClient, table: string, requests: readonly Key[]): Promise<RequestItem[]> =>
  reaching('the requests table', async () => {
    const items: RequestItem[] = []
    for (let at = 0; at < requests.length; at += READ_AT_ONCE) {
      const read = await readKeys(client, table, requests.slice(at, at + READ_AT_ONCE), {})
      items.push(...read.flatMap(item => toItem(item) ?? []))
    }
    return items
  })

async function readKeys(
  client: DynamoDBClient,
  table: string,
  keys: readonly Key[],
  how: Omit<KeysAndAttributes, 'Keys'>,
): Promise<Attributes[]> {
  const found: Attributes[] = []
  let left = keys.map(({ user_id, request_id }) => marshall({ user_id, request_id }))
  // DynamoDB may return only some of the items. The SDK waits longer before each repetition of a throttled call.
  while (left.length > 0) {
    const answer = await client.send(new BatchGetItemCommand({ RequestItems: { [table]: { ...how, Keys: left } } }))
    found.push(...(answer.Responses?.[table] ?? []).map(item => unmarshall(item)))
    left = answer.UnprocessedKeys?.[table]?.Keys ?? []
  }
  return found
}

const STATUS_NAME = { '#status': 'status' }
