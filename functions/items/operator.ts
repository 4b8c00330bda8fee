import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { reachingEach } from '../platform/unavailable.ts'
import { RequestId } from '../requests/ids.ts'
import type { RequestItem } from '../requests/item.ts'
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
