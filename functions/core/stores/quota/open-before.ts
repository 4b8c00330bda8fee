import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { update } from '../../platform/dynamodb.ts'
import { keyOf, toCounters } from './item.ts'
import { WATCHED } from './names.ts'
import type { OpenReservation } from './port.ts'

/** The most keys that BatchGetItem takes. */
const PAGE = 100

/**
 * Returns the open reservations that were made at `time` or before. It reads only the watched items: the quota items
 * that the index `watched` contains. If an item's window is over and no reservation is open in the item, it is removed
 * from the index (ADR 0017), so that the sweeper's next run need not read it. The index and the reads may be a little
 * out of date. This does not matter, because the sweeper asks for reservations that are minutes old.
 */
export async function* openBefore(
  client: DynamoDBClient,
  table: string,
  time: number,
): AsyncGenerator<OpenReservation[]> {
  for await (const items of watchedItems(client, table)) {
    yield items.flatMap(({ open }) => open).filter(({ at }) => at <= time)
    const done = items.filter(({ open, window }) => open.length === 0 && !isCurrent(window, time))
    await Promise.all(done.map(({ pk }) => unwatch(client, table, pk)))
  }
}

/** Reads the items in the index `watched`, in pages. A reservation that was just made may be missing. */
export async function* watchedItems(client: DynamoDBClient, table: string) {
  const watched = { TableName: table, IndexName: WATCHED, ProjectionExpression: 'pk' }
  for await (const { Items: keys = [] } of paginateScan({ client, pageSize: PAGE }, watched))
    yield await readAll(client, table, keys)
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
      const { pk, ...key } = keyOf(item)
      return { pk, window: key.window, open: toCounters(item, key).open }
    })
}

/**
 * Returns whether a time is in a window. Each time in a window, written as ISO 8601, begins with the window's name
 * (`2026-11-23`).
 */
const isCurrent = (window: string, time: number): boolean => new Date(time).toISOString().startsWith(window)

/**
 * Removes an item from the index `watched`. If a reservation was made in the meantime, the condition fails, and the
 * item stays in the index. A later reservation puts the item into the index again.
 */
const unwatch = (client: DynamoDBClient, table: string, pk: string) =>
  update(client, {
    table,
    key: { pk },
    update: 'REMOVE watched',
    condition: ['size(#open) = :none'],
    names: { '#open': 'open' },
    values: { ':none': 0 },
  })
