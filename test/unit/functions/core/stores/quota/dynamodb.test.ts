import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { beforeEach, describe, expect, it } from 'vitest'
import { Unavailable } from '../../../../../../functions/core/platform/unavailable.ts'
import { dynamoQuota } from '../../../../../../functions/core/stores/quota/dynamodb.ts'
import { NOW } from '../../../../../support/clock.ts'
import { networkError } from '../../../../../support/faults.ts'
import { mockClient } from '../../../../../support/mock-client.ts'
import { aReservation } from '../../../../../support/requests.ts'

const client = new DynamoDBClient({ region: 'us-east-1' })
const dynamoDb = mockClient(client)
const quota = dynamoQuota(client, 'quota')
beforeEach(() => dynamoDb.reset())

const LIMITS = { requests: 1, tokens: 100, in_flight: 5 }
const refusedBy = (item: Record<string, unknown>) =>
  new ConditionalCheckFailedException({ message: 'refused', $metadata: {}, Item: marshall(item) })
const throttled = new ProvisionedThroughputExceededException({ message: 'slow down', $metadata: {} })

describe('dynamoQuota with the answers of AWS, which the emulator does not give', () => {
  it('admits a request with one call to DynamoDB', async () => {
    const reservation = aReservation()
    dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall({ requests: 1, tokens: 10 }) })

    const admission = await quota.reserve(reservation, LIMITS, NOW)

    expect(admission).toEqual({ admitted: true, reservation, used: { requests: 1, tokens: 10 } })
    expect(dynamoDb.calls()).toHaveLength(1)
  })

  it('refuses a request with one call, since DynamoDB’s refusal has the counters', async () => {
    const other = '01a207e6-dca0-746e-b6a9-c92353540dee'
    dynamoDb
      .on(UpdateItemCommand)
      .rejects(refusedBy({ pk: 'x', requests: 1, tokens: 10, open: { [`${other}:1`]: [10, NOW, 'n', 1] } }))

    const admission = await quota.reserve(aReservation(), LIMITS, NOW)

    expect(admission).toMatchObject({ admitted: false, counters: { requests: 1, tokens: 10 } })
    expect(dynamoDb.calls()).toHaveLength(1)
  })

  it('finds its own reservation in DynamoDB’s refusal if the answer of its first write was lost', async () => {
    const reservation = aReservation()
    const entry = { [`${reservation.request_id}:1`]: [10, NOW, reservation.nonce, 1] }
    dynamoDb.on(UpdateItemCommand).rejects(refusedBy({ pk: 'x', requests: 1, tokens: 10, open: entry }))

    expect(await quota.reserve(reservation, LIMITS, NOW)).toEqual({ admitted: true, reservation })
  })

  it('if the answer of a write was lost, writes again with another nonce (reservation id): the same nonce could open a settled reservation again, and charge twice', async () => {
    const reservation = aReservation()
    dynamoDb
      .on(UpdateItemCommand)
      .rejectsOnce(networkError('the answer was lost'))
      .resolves({ Attributes: marshall({ requests: 1, tokens: 10 }) })

    const admission = await quota.reserve(reservation, LIMITS, NOW)

    const nonces = dynamoDb
      .commandCalls(UpdateItemCommand)
      .map(({ args }) => args[0].input.ExpressionAttributeValues?.[':entry']?.L?.[2]?.S)
    expect(new Set(nonces).size).toBe(2)
    expect(admission).toMatchObject({ admitted: true, reservation: { nonce: nonces[1] } })
  })

  it('fails with Unavailable, instead of a refusal, if DynamoDB throttles', async () => {
    dynamoDb.on(UpdateItemCommand).rejects(throttled)

    await expect(quota.reserve(aReservation(), LIMITS, NOW)).rejects.toThrow(Unavailable)
    await expect(quota.close([{ reservation: aReservation(), charge: 1 }])).rejects.toThrow(Unavailable)
  })

  it('fails with Unavailable if DynamoDB can’t be read', async () => {
    dynamoDb.on(GetItemCommand).rejects(networkError('no connection'))

    await expect(quota.read('u42', '2026-11-23', 0)).rejects.toThrow(Unavailable)
  })

  it('fails with Unavailable after a few tries if DynamoDB refuses although its counters are below the limits', async () => {
    dynamoDb.on(UpdateItemCommand).rejects(refusedBy({ pk: 'x', requests: 0, tokens: 0, open: {} }))

    await expect(quota.reserve(aReservation(), LIMITS, NOW)).rejects.toThrow(Unavailable)
    expect(dynamoDb.commandCalls(PutItemCommand)).toHaveLength(0)
  })

  it('settles several requests of one user with one call', async () => {
    dynamoDb.on(UpdateItemCommand).resolves({})

    await quota.close(Array.from({ length: 10 }, () => ({ reservation: aReservation(), charge: 3 })))

    expect(dynamoDb.calls()).toHaveLength(1)
  })

  it.each([
    { shard: 0, key: 'user#u42#2026-11-23' },
    { shard: 3, key: 'user#u42#2026-11-23#3' },
  ])('stores shard $shard under the key $key', async ({ shard, key }) => {
    dynamoDb.on(GetItemCommand).resolves({})

    await quota.read('u42', '2026-11-23', shard)

    expect(dynamoDb.commandCalls(GetItemCommand)[0]?.args[0].input.Key).toEqual({ pk: { S: key } })
  })
})
