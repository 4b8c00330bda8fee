import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { beforeEach, describe, expect, it } from 'vitest'
import { Defect, Unavailable } from '../../../../../../functions/core/platform/unavailable.ts'
import { dynamoItems } from '../../../../../../functions/core/stores/requests/dynamodb.ts'
import { NOW } from '../../../../../support/clock.ts'
import { networkError } from '../../../../../support/faults.ts'
import { mockClient } from '../../../../../support/mock-client.ts'
import { aMessage, anItem } from '../../../../../support/requests.ts'

const client = new DynamoDBClient({ region: 'us-east-1' })
const dynamoDb = mockClient(client)
const items = dynamoItems(client, 'requests')
beforeEach(() => dynamoDb.reset())

const TERMS = { claim_id: 'claim-1', now: NOW, lease_until: NOW + 1 }

describe('dynamoItems with the answers of AWS, which the emulator does not give', () => {
  const item = anItem({ status: 'running', attempt: 1, lease_until: NOW })
  const decision = { ...item, status: 'completed', completed_at: NOW } as const

  it.each([
    { name: 'get', call: () => items.get(item.user_id, item.request_id) },
    { name: 'create', call: () => items.create(item) },
    { name: 'reject', call: () => items.reject(item) },
    { name: 'claim', call: () => items.claim(aMessage(item), TERMS) },
    { name: 'reclaim', call: () => items.reclaim(item, TERMS) },
    { name: 'expire', call: () => items.expire(item, NOW) },
    { name: 'decide', call: () => items.decide(decision) },
  ])('$name fails with Unavailable if DynamoDB is unavailable', async ({ call }) => {
    dynamoDb.rejects(networkError('no connection'))

    await expect(call()).rejects.toThrow(Unavailable)
  })

  it.each([
    { name: 'create', call: () => items.create(item) },
    { name: 'reject', call: () => items.reject(item) },
    { name: 'claim', call: () => items.claim(aMessage(item), TERMS) },
    { name: 'decide', call: () => items.decide(decision) },
  ])('$name returns the existing item from DynamoDB’s refusal, with one call', async ({ call }) => {
    const refused = new ConditionalCheckFailedException({ message: 'no', $metadata: {}, Item: marshall(item) })
    dynamoDb.on(PutItemCommand).rejects(refused).on(UpdateItemCommand).rejects(refused)

    await call()

    expect(dynamoDb.calls()).toHaveLength(1)
  })

  it('reads an item with a strongly consistent read, and with an eventually consistent one only if it may be stale', async () => {
    dynamoDb.on(GetItemCommand).resolves({ Item: marshall(item) })

    await items.get(item.user_id, item.request_id)
    await items.getPossiblyStale(item.user_id, item.request_id)

    const reads = dynamoDb.commandCalls(GetItemCommand).map(({ args: [command] }) => command.input.ConsistentRead)
    expect(reads).toEqual([true, false])
  })

  it('fails with Defect if an item does not match the schema of request items', async () => {
    dynamoDb.on(GetItemCommand).resolves({ Item: marshall({ user_id: 'u42', request_id: 'x', status: 'odd' }) })

    await expect(items.get('u42', 'x')).rejects.toThrow(Defect)
  })
})
