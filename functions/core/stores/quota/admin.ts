import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { deleteIf } from '../../platform/dynamodb-delete.ts'
import { reaching, reachingEach } from '../../platform/unavailable.ts'
import { type ItemOf, itemOf, key, toCounters } from './item.ts'
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

/** Deletes a quota item; false, and nothing is deleted, while a reservation is open in it. There may be no such item. Rejects with `Unavailable`. */
export const deleteQuotaItem = (client: DynamoDBClient, table: string, of: ItemOf): Promise<boolean> =>
  reaching('the quota table', () =>
    deleteIf(client, {
      table,
      key: { pk: key(of) },
      condition: 'attribute_not_exists(pk) OR size(#open) = :none',
      names: { '#open': 'open' },
      values: { ':none': 0 },
    }),
  )
