import { BatchGetItemCommand, DynamoDBClient, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dynamoQuota } from '../../../../../../functions/core/stores/quota/dynamodb.ts'
import type { Quota } from '../../../../../../functions/core/stores/quota/port.ts'
import { NOW } from '../../../../../support/clock.ts'
import { createQuotaTable, type DynamoDb, startLocalTables } from '../../../../../support/dynamodb.ts'
import { mockClient } from '../../../../../support/mock-client.ts'
import { aReservation, newUser } from '../../../../../support/requests.ts'

const LIMITS = { requests: 9, tokens: 900, in_flight: 9 }
const MINUTE = 60_000
const DAY = 86_400_000

async function openOf(quota: Quota, time: number) {
  const open = []
  for await (const page of quota.openBefore(time)) open.push(...page)
  return open
}

describe('the reads of openBefore, the search of old open reservations', () => {
  let dynamoDb: DynamoDb
  /** The keys of the items that were read. */
  const read: unknown[] = []
  const written: unknown[] = []
  beforeAll(async () => {
    dynamoDb = await startLocalTables()
    dynamoDb.client.middlewareStack.add(
      (next, { commandName }) =>
        args => {
          const input = args.input as { RequestItems?: Record<string, { Keys?: unknown[] }> }
          read.push(...Object.values(input.RequestItems ?? {}).flatMap(({ Keys = [] }) => Keys))
          if (commandName === 'UpdateItemCommand') written.push(input)
          return next(args)
        },
      { step: 'initialize' },
    )
  })
  afterAll(() => dynamoDb.close())

  const counting = async <T>(what: () => Promise<T>) => {
    read.length = 0
    written.length = 0
    const found = await what()
    return { found, read: read.length, written: written.length }
  }

  it('openBefore does not read an item of an ended window again, once it has seen the item without an open reservation', async () => {
    const quota = dynamoQuota(dynamoDb.client, await createQuotaTable(dynamoDb.client))
    const users = Array.from({ length: 250 }, () => newUser())
    const all = users.map(userId => aReservation({ user_id: userId }))
    await Promise.all(all.map(reservation => quota.reserve(reservation, LIMITS, NOW)))
    const [stuck, ...others] = all
    await quota.close(others.map(reservation => ({ reservation, charge: 1 })))

    // While a window lasts, further reservations may come. So each search reads all items of the window, and marks none as done.
    const inTheWindow = await counting(() => openOf(quota, NOW + MINUTE))
    expect(inTheWindow).toMatchObject({ found: [{ reservation: stuck }], read: 250, written: 0 })

    const after = await counting(() => openOf(quota, NOW + DAY))
    expect(after).toMatchObject({ found: [{ reservation: stuck }], read: 250, written: 249 })

    const later = await counting(() => openOf(quota, NOW + DAY + 2 * MINUTE))
    expect(later).toMatchObject({ found: [{ reservation: stuck }], read: 1, written: 0 })
  })
})

describe('openBefore with the answers of AWS, which the emulator does not give', () => {
  const client = new DynamoDBClient({ region: 'us-east-1' })
  const mock = mockClient(client)
  const quota = dynamoQuota(client, 'quota')

  it('repeats the read of keys that DynamoDB leaves unprocessed, and ignores keys of the index whose items are deleted', async () => {
    const [first, second, gone] = ['a', 'b', 'gone'].map(user => marshall({ pk: `user#${user}#2026-11-23` }))
    const open = marshall({ requests: 1, tokens: 10, open: { 'r:1': [10, NOW, 'n', 1] } })
    mock.on(ScanCommand).resolves({ Items: [first ?? {}, second ?? {}, gone ?? {}] })
    mock
      .on(BatchGetItemCommand)
      .resolvesOnce({
        Responses: { quota: [{ ...first, ...open }] },
        UnprocessedKeys: { quota: { Keys: [second ?? {}, gone ?? {}] } },
      })
      .resolves({ Responses: { quota: [{ ...second, ...open }] } })

    const found = await openOf(quota, NOW + MINUTE)

    expect(found.map(({ reservation }) => reservation.user_id)).toEqual(['a', 'b'])
    expect(mock.commandCalls(UpdateItemCommand)).toEqual([])
  })
})
