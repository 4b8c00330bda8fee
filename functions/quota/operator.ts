import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { reachingEach } from '../platform/unavailable.ts'
import { type ItemOf, itemOf, toCounters } from './item.ts'
import type { Counters } from './port.ts'

/** One quota item, and whose it is. */
export type QuotaItem = Counters & ItemOf

/** Every quota item there is, a page of the table at a time. Rejects with `Unavailable`. */
export function allQuotaItems(client: DynamoDBClient, table: string): AsyncGenerator<QuotaItem[]> {
  return reachingEach('the quota table', scan(client, table))
}

async function* scan(client: DynamoDBClient, table: string): AsyncGenerator<QuotaItem[]> {
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    yield Items.map(item => unmarshall(item)).map(item => {
      const of = itemOf(item.pk)
      return { ...of, ...toCounters(item, of) }
    })
}
