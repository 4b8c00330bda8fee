import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { update } from '../../platform/dynamodb.ts'
import { itemOf, toCounters } from './item.ts'
import { WATCHED } from './names.ts'
import type { OpenReservation } from './port.ts'

/** As many keys as BatchGetItem takes. */
const PAGE = 100

/**
 * Reads the items that are watched, and stops watching those in which nothing is open and whose window is over (ADR 0017).
 * Index and reads may lag behind, which is nothing to a reservation that is minutes old.
 */
export async function* openBefore(
  client: DynamoDBClient,
  table: string,
  time: number,
): AsyncGenerator<OpenReservation[]> {
  const watched = { TableName: table, IndexName: WATCHED, ProjectionExpression: 'pk' }
  for await (const { Items: keys = [] } of paginateScan({ client, pageSize: PAGE }, watched)) {
    const items = await readAll(client, table, keys)
    yield items.flatMap(({ open }) => open).filter(({ at }) => at <= time)
    const done = items.filter(({ open, window }) => open.length === 0 && !isCurrent(window, time))
    await Promise.all(done.map(({ pk }) => unwatch(client, table, pk)))
  }
}

async function readAll(client: DynamoDBClient, table: string, keys: readonly Record<string, AttributeValue>[]) {
  const items = []
  for (let Keys = [...keys]; Keys.length > 0; ) {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [table]: { Keys } } }),
    )
    items.push(...(Responses?.[table] ?? []))
    Keys = UnprocessedKeys?.[table]?.Keys ?? []
  }
  return items
    .map(item => unmarshall(item))
    .map(item => {
      const of = itemOf(item.pk)
      return { pk: item.pk as string, window: of.window, open: toCounters(item, of).open }
    })
}

/** A window's name is how the times in it begin. */
const isCurrent = (window: string, time: number): boolean => new Date(time).toISOString().startsWith(window)

/** A reservation that comes before this makes its condition fail; one that comes after it has the item watched anew. */
const unwatch = (client: DynamoDBClient, table: string, pk: string) =>
  update(client, {
    table,
    key: { pk },
    update: 'REMOVE watched',
    condition: ['size(#open) = :none'],
    names: { '#open': 'open' },
    values: { ':none': 0 },
  })
