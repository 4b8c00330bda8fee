import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { get } from '../../platform/dynamodb.ts'
import { reaching } from '../../platform/unavailable.ts'
import { type Access, StoredKey, StoredUser } from './port.ts'

export interface AccessTables {
  readonly keys: string
  readonly users: string
}

export function dynamoAccess(client: DynamoDBClient, tables: AccessTables): Access {
  return {
    key: keyId =>
      reaching('the keys table', async () => {
        const item = await get(client, tables.keys, { key_id: keyId })
        return item && StoredKey.parse(item)
      }),
    ...dynamoUsers(client, tables.users),
  }
}

/** Makes the part of `Access` that the intake needs: messages of input queues name their user, and have no API key. */
export const dynamoUsers = (client: DynamoDBClient, table: string): Pick<Access, 'user'> => ({
  user: userId =>
    reaching('the users table', async () => {
      const item = await get(client, table, { user_id: userId })
      return item && StoredUser.parse(item)
    }),
})
