import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endAllWaits } from '../../functions/core/stores/waits/admin.ts'
import { dynamoWaitLeases } from '../../functions/core/stores/waits/dynamodb.ts'
import { NOW } from '../support/clock.ts'
import { createRequestsTable, type DynamoDb, dynamoDbEngines } from '../support/dynamodb.ts'
import { newRequestId } from '../support/requests.ts'

const LIMITS = { per_user: 1, total: 2 }

for (const { name, start } of dynamoDbEngines)
  describe(`endAllWaits on ${name}`, () => {
    let engine: DynamoDb
    let table: string
    beforeAll(async () => {
      engine = await start()
      table = await createRequestsTable(engine.client)
    })
    afterAll(() => engine.close())

    let nonces = 0
    const acquire = (userId: string) => {
      const wait = { user_id: userId, request_id: newRequestId(), nonce: `n${nonces++}`, until: NOW + 30_000 }
      return dynamoWaitLeases(engine.client, table).acquire({ ...wait, beside_others: false }, LIMITS, NOW)
    }

    it('endAllWaits ends the wait leases of the given users, and removes all leases that count for all users together; another user’s lease still counts for that user', async () => {
      expect([await acquire('a'), await acquire('b')]).not.toContain(undefined)
      expect(await acquire('c')).toBeUndefined()

      await endAllWaits(engine.client, table, ['a', 'a', 'nobody'], LIMITS.total)
      await endAllWaits(engine.client, table, ['a'], LIMITS.total)

      expect(await acquire('b')).toBeUndefined()
      expect([await acquire('a'), await acquire('c')]).not.toContain(undefined)
      expect(await acquire('d')).toBeUndefined()
    })
  })
