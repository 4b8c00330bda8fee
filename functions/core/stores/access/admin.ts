import { DeleteItemCommand, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { Overrides } from '../../domain/limits.ts'
import { put, update } from '../../platform/dynamodb.ts'
import { deleteIf } from '../../platform/dynamodb-delete.ts'
import { reaching } from '../../platform/unavailable.ts'
import { type AccessTables, dynamoAccess } from './dynamodb.ts'
import { type AccessAdmin, type KeyRecord, StoredKey, StoredUser, type UserRecord } from './port.ts'

/**
 * Makes the operators' access to the tables of keys and users. It is in a separate file, so that the bundles of the
 * functions do not contain the code of table scans, which only operators need.
 */
export function dynamoAccessAdmin(client: DynamoDBClient, tables: AccessTables): AccessAdmin {
  return {
    ...dynamoAccess(client, tables),

    addKey: record =>
      reaching('the keys table', async () => {
        const { written } = await put(client, {
          table: tables.keys,
          key: { key_id: record.key_id },
          item: record,
          condition: 'attribute_not_exists(key_id)',
        })
        if (!written) throw new Error(`there is a key ${record.key_id} already`)
      }),

    keys: userId =>
      reaching('the keys table', async () => {
        const records: KeyRecord[] = []
        for await (const page of paginateScan({ client }, { TableName: tables.keys, ConsistentRead: true }))
          for (const item of page.Items ?? []) records.push(StoredKey.parse(unmarshall(item)))
        return records
          .filter(record => userId === undefined || record.user_id === userId)
          .sort((a, b) => a.created_at - b.created_at)
      }),

    users: () =>
      reaching('the users table', async () => {
        const records: UserRecord[] = []
        for await (const page of paginateScan({ client }, { TableName: tables.users, ConsistentRead: true }))
          for (const item of page.Items ?? []) records.push(StoredUser.parse(unmarshall(item)))
        return records.sort((a, b) => (a.user_id < b.user_id ? -1 : 1))
      }),

    revoke: (keyId, now) =>
      reaching('the keys table', async () => {
        const { written, ...result } = await update(client, {
          table: tables.keys,
          key: { key_id: keyId },
          update: 'SET revoked_at = if_not_exists(revoked_at, :now)',
          condition: ['attribute_exists(key_id)'],
          values: { ':now': now },
          returns: 'ALL_NEW',
        })
        return written && 'attributes' in result ? StoredKey.parse(result.attributes) : undefined
      }),

    replaceUser: (was, user) =>
      reaching('the users table', async () => {
        const { written } = await put(client, {
          table: tables.users,
          key: { user_id: user.user_id },
          item: user,
          ...(was ? stillIs(was) : { condition: 'attribute_not_exists(user_id)' }),
        })
        return written
      }),

    deleteKey: keyId =>
      reaching('the keys table', async () => {
        await client.send(new DeleteItemCommand({ TableName: tables.keys, Key: marshall({ key_id: keyId }) }))
      }),

    deleteUser: userId =>
      reaching('the users table', () =>
        deleteIf(client, {
          table: tables.users,
          key: { user_id: userId },
          condition: 'attribute_not_exists(user_id) OR attribute_exists(disabled_at)',
        }),
      ),
  }
}

/**
 * Returns the condition that a user's record is still as it was read, so that two operators do not overwrite each
 * other's changes. It compares each limit separately, because not every implementation of DynamoDB compares maps.
 */
function stillIs({ plan, overrides, disabled_at }: UserRecord) {
  const limits = Overrides.keyof().options
  const isAsRead = limits.map(limit =>
    overrides[limit] === undefined ? `attribute_not_exists(overrides.${limit})` : `overrides.${limit} = :${limit}`,
  )
  return {
    condition: [
      '#plan = :plan',
      disabled_at === undefined ? 'attribute_not_exists(disabled_at)' : 'disabled_at = :disabled_at',
      ...isAsRead,
    ].join(' AND '),
    names: { '#plan': 'plan' },
    values: {
      ':plan': plan,
      ':disabled_at': disabled_at,
      ...Object.fromEntries(limits.map(limit => [`:${limit}`, overrides[limit]])),
    },
  }
}
