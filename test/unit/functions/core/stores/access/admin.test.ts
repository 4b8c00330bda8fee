import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Unavailable } from '../../../../../../functions/core/platform/unavailable.ts'
import { dynamoAccessAdmin } from '../../../../../../functions/core/stores/access/admin.ts'
import { dynamoAccess } from '../../../../../../functions/core/stores/access/dynamodb.ts'
import { hashKey, keyIdOf, newKey } from '../../../../../../functions/core/stores/access/key.ts'
import type { AccessAdmin, KeyRecord } from '../../../../../../functions/core/stores/access/port.ts'
import { NOW } from '../../../../../support/clock.ts'
import { createTable, type DynamoDb, startLocalTables } from '../../../../../support/dynamodb.ts'
import { networkError } from '../../../../../support/faults.ts'
import { mockClient } from '../../../../../support/mock-client.ts'
import { newUser } from '../../../../../support/requests.ts'

let dynamoDb: DynamoDb
let access: AccessAdmin
beforeAll(async () => {
  dynamoDb = await startLocalTables()
  const { client } = dynamoDb
  access = dynamoAccessAdmin(client, {
    keys: await createTable(client, 'key_id'),
    users: await createTable(client, 'user_id'),
  })
})
afterAll(() => dynamoDb.close())

const aKey = (fields: Partial<KeyRecord> = {}): KeyRecord => {
  const hash = hashKey(newKey())
  return { key_id: keyIdOf(hash), hash, user_id: 'u42', created_at: NOW, ...fields }
}

describe('dynamoAccessAdmin: keys', () => {
  it('are found by their id, as they were written', async () => {
    const key = aKey({ expires_at: NOW + 1 })
    await access.addKey(key)

    expect(await access.key(key.key_id)).toEqual(key)
    expect(await access.key('0'.repeat(16))).toBeUndefined()
  })

  it('are never overwritten', async () => {
    const key = aKey()
    await access.addKey(key)

    await expect(access.addKey({ ...key, user_id: 'thief' })).rejects.toThrow(`there is a key ${key.key_id} already`)
    expect((await access.key(key.key_id))?.user_id).toBe('u42')
  })

  it('keys are listed oldest first, either all keys or the keys of one user', async () => {
    const userId = newUser()
    const [newer, older] = [aKey({ user_id: userId, created_at: NOW + 5 }), aKey({ user_id: userId, created_at: NOW })]
    await access.addKey(newer)
    await access.addKey(older)

    expect(await access.keys(userId)).toEqual([older, newer])
    expect(await access.keys()).toContainEqual(newer)
    expect(await access.keys('nobody')).toEqual([])
  })

  it('keys are revoked once: a second revocation keeps the time of the first', async () => {
    const key = aKey()
    await access.addKey(key)

    expect(await access.revoke(key.key_id, NOW + 1)).toEqual({ ...key, revoked_at: NOW + 1 })
    expect(await access.revoke(key.key_id, NOW + 2)).toEqual({ ...key, revoked_at: NOW + 1 })
  })

  it('the revocation of a key that does not exist creates no key', async () => {
    expect(await access.revoke('f'.repeat(16), NOW)).toBeUndefined()
    expect(await access.key('f'.repeat(16))).toBeUndefined()
  })
})

describe('dynamoAccessAdmin: users', () => {
  it('are read as they were last written, and have no limits that were not set', async () => {
    const userId = newUser()
    const first = { user_id: userId, plan: 'free', overrides: { tokens: 5 } }

    expect(await access.replaceUser(undefined, first)).toBe(true)
    expect(await access.user(userId)).toEqual(first)

    const second = { user_id: userId, plan: 'pro', overrides: { requests: 7, tokens: undefined } }
    expect(await access.replaceUser(first, second)).toBe(true)
    expect(await access.user(userId)).toEqual({ user_id: userId, plan: 'pro', overrides: { requests: 7 } })
    expect(await access.user('nobody')).toBeUndefined()
  })

  it('users are replaced only if they have not changed since they were read, so no change is lost', async () => {
    const userId = newUser()
    const first = { user_id: userId, plan: 'free', overrides: { tokens: 5 } }
    const second = { user_id: userId, plan: 'free', overrides: { tokens: 5, requests: 7 } }
    await access.replaceUser(undefined, first)
    await access.replaceUser(first, second)

    expect(await access.replaceUser(first, { ...first, plan: 'pro' })).toBe(false)
    expect(await access.replaceUser({ ...second, plan: 'pro' }, first)).toBe(false)
    expect(await access.replaceUser(undefined, first)).toBe(false)

    expect(await access.user(userId)).toEqual(second)
    expect(await access.replaceUser({ ...second, overrides: { requests: 7, tokens: 5 } }, first)).toBe(true)
  })
})

describe('dynamoAccess', () => {
  it('rejects with Unavailable when DynamoDB is unavailable', async () => {
    const client = new DynamoDBClient({ region: 'us-east-1' })
    mockClient(client).rejects(networkError('no connection'))
    const broken = dynamoAccess(client, { keys: 'keys', users: 'users' })

    await expect(broken.key('x')).rejects.toThrow(Unavailable)
    await expect(broken.user('x')).rejects.toThrow(Unavailable)
  })
})
