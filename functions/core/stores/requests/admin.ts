import { type DynamoDBClient, paginateQuery, paginateScan } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { RequestId } from '../../domain/ids.ts'
import type { RequestItem } from '../../domain/item.ts'
import { deleteIf } from '../../platform/dynamodb-delete.ts'
import { reaching, reachingEach } from '../../platform/unavailable.ts'
import { toItem } from './table.ts'

/** Every request item there is, a page of the table at a time. Rejects with `Unavailable`. */
export function allItems(client: DynamoDBClient, table: string): AsyncGenerator<RequestItem[]> {
  return reachingEach('the requests table', scan(client, table))
}

async function* scan(client: DynamoDBClient, table: string): AsyncGenerator<RequestItem[]> {
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    yield Items.map(item => unmarshall(item))
      // The bindings of idempotency keys are in the same table.
      .filter(item => RequestId.safeParse(item.request_id).success)
      .flatMap(item => toItem(item) ?? [])
}

/** What became of a user's items. */
export interface DeletedItems {
  /** Requests that were deleted; what else a user has beside them (keys, leases) is not counted. */
  readonly requests: number
  /** Requests that were left, since they wait or run. */
  readonly left: number
}

/** Deletes all that is kept under a user, but requests that wait or run. Repeated, it goes on. Rejects with `Unavailable`. */
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

/** Holds for what is no request, too. */
const HAS_ENDED = {
  condition: 'attribute_not_exists(#status) OR NOT (#status = :queued OR #status = :running)',
  names: { '#status': 'status' },
  values: { ':queued': 'queued', ':running': 'running' },
}
