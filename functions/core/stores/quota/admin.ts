import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { deleteIf } from '../../platform/dynamodb-delete.ts'
import { reaching, reachingEach } from '../../platform/unavailable.ts'
import { keyOf, pkOf, type QuotaKey, toCounters } from './item.ts'
import { watchedItems } from './open-before.ts'
import type { Counters, OpenReservation } from './port.ts'

/** The counters of one quota item, with its user, window and shard. */
export type QuotaItem = Counters & QuotaKey

/** Reads all quota items, one page of the table at a time. Rejects with `Unavailable` if the service can't be reached. */
export function allQuotaItems(client: DynamoDBClient, table: string): AsyncGenerator<QuotaItem[]> {
  return reachingEach('the quota table', scan(client, table))
}

async function* scan(client: DynamoDBClient, table: string): AsyncGenerator<QuotaItem[]> {
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    yield Items.map(item => unmarshall(item)).map(item => {
      const { pk: _, ...key } = keyOf(item)
      return { ...key, ...toCounters(item, key) }
    })
}

/**
 * Returns the open reservations of all users, in pages. Each request that waits or runs has one. A reservation of the
 * last second may be missing, because the index of the items is updated a moment after the table. Rejects with
 * `Unavailable`.
 */
export const openReservations = (client: DynamoDBClient, table: string): AsyncGenerator<OpenReservation[]> =>
  reachingEach('the quota table', openIn(client, table))

async function* openIn(client: DynamoDBClient, table: string): AsyncGenerator<OpenReservation[]> {
  for await (const items of watchedItems(client, table)) yield items.flatMap(({ open }) => open)
}

/**
 * Deletes a quota item. Returns false, and deletes nothing, while a reservation is open in it, because its request
 * could not be settled without the item. An item that does not exist counts as deleted. Rejects with `Unavailable` if the service can't be reached.
 */
export const deleteQuotaItem = (client: DynamoDBClient, table: string, of: QuotaKey): Promise<boolean> =>
  reaching('the quota table', () =>
    deleteIf(client, {
      table,
      key: { pk: pkOf(of) },
      condition: 'attribute_not_exists(pk) OR size(#open) = :none',
      names: { '#open': 'open' },
      values: { ':none': 0 },
    }),
  )
