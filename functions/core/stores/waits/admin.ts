import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { type Attributes, update } from '../../platform/dynamodb.ts'
import { reaching } from '../../platform/unavailable.ts'
import { keyOfShard, keyOfUser, shardsOf } from './entries.ts'

/**
 * Ends the leases of these users, and all leases that count for all users together. (A lease is the right of a call to
 * wait for the end of a request.) The caller must be sure that no call waits any more. Otherwise more calls than the
 * limit could wait. `total` is the limit of waiting calls of all users together. Rejects with `Unavailable` if the service can't be reached.
 */
export const endAllWaits = (
  client: DynamoDBClient,
  table: string,
  users: Iterable<string>,
  total: number,
): Promise<void> =>
  reaching('the requests table', async () => {
    const keys = [...[...new Set(users)].map(keyOfUser), ...shardsOf(total).map((_, shard) => keyOfShard(shard))]
    for (const key of keys) await endWaits(client, table, key)
  })

const endWaits = (client: DynamoDBClient, table: string, key: Attributes) =>
  update(client, {
    table,
    key,
    update: 'SET #leases = :none',
    condition: ['size(#leases) > :zero'],
    names: { '#leases': 'leases' },
    values: { ':none': {}, ':zero': 0 },
  })
