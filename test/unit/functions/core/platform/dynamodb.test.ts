import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { beforeEach, describe, expect, it } from 'vitest'
import { get, put, update } from '../../../../../functions/core/platform/dynamodb.ts'
import { mockClient } from '../../../../support/mock-client.ts'

const client = new DynamoDBClient({ region: 'us-east-1' })
const dynamoDb = mockClient(client)
beforeEach(() => dynamoDb.reset())

const conditionFailed = (item?: Record<string, unknown>) =>
  new ConditionalCheckFailedException({
    message: 'The conditional request failed',
    $metadata: {},
    ...(item && { Item: marshall(item) }),
  })

const anUpdate = {
  table: 't',
  key: { pk: 'a' },
  update: 'SET n = :n',
  condition: ['n < :n', 'm = :n'],
  values: { ':n': 1 },
}

describe('update', () => {
  it('sends one conditional write whose clauses must all hold', async () => {
    dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall({ n: 1 }) })

    const written = await update(client, { ...anUpdate, returns: 'ALL_NEW' })

    expect(written).toEqual({ written: true, attributes: { n: 1 } })
    const [call] = dynamoDb.commandCalls(UpdateItemCommand)
    expect(call?.args[0].input).toMatchObject({
      TableName: 't',
      Key: { pk: { S: 'a' } },
      ReturnValues: 'ALL_NEW',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    })
    expect(call?.args[0].input.ConditionExpression).toMatch(/n < :n.* AND .*m = :n/)
  })

  it('returns the item that made the write fail, from the refusal itself, without a further call', async () => {
    dynamoDb.on(UpdateItemCommand).rejects(conditionFailed({ pk: 'a', n: 7 }))

    const written = await update(client, anUpdate)

    expect(written).toEqual({ written: false, existing: { pk: 'a', n: 7 } })
    expect(dynamoDb.calls()).toHaveLength(1)
  })

  it('reads the item that made the write fail if the refusal does not contain the item, as with some emulators', async () => {
    dynamoDb.on(UpdateItemCommand).rejects(conditionFailed())
    dynamoDb.on(GetItemCommand, { ConsistentRead: true }).resolves({ Item: marshall({ pk: 'a', n: 7 }) })

    expect(await update(client, anUpdate)).toEqual({ written: false, existing: { pk: 'a', n: 7 } })
  })

  it('returns no item if the write failed because there is no item', async () => {
    dynamoDb.on(UpdateItemCommand).rejects(conditionFailed())
    dynamoDb.on(GetItemCommand).resolves({})

    expect(await update(client, anUpdate)).toEqual({ written: false, existing: undefined })
  })

  it('throws every other failure of the write', async () => {
    dynamoDb.on(UpdateItemCommand).rejects(new Error('throttled'))

    await expect(update(client, anUpdate)).rejects.toThrow('throttled')
  })
})

describe('put', () => {
  const aPut = { table: 't', key: { pk: 'a' }, item: { n: 1, gone: undefined }, condition: 'attribute_not_exists(pk)' }

  it('writes the item with its key, and leaves undefined fields out', async () => {
    dynamoDb.on(PutItemCommand).resolves({})

    expect(await put(client, aPut)).toMatchObject({ written: true })
    const [call] = dynamoDb.commandCalls(PutItemCommand)
    expect(call?.args[0].input.Item).toEqual({ pk: { S: 'a' }, n: { N: '1' } })
  })

  it('returns the item that exists already', async () => {
    dynamoDb.on(PutItemCommand).rejects(conditionFailed({ pk: 'a', n: 2 }))

    expect(await put(client, aPut)).toEqual({ written: false, existing: { pk: 'a', n: 2 } })
    expect(dynamoDb.calls()).toHaveLength(1)
  })
})

describe('get', () => {
  it('makes a consistent read, so it returns the last written state', async () => {
    dynamoDb.on(GetItemCommand).resolves({ Item: marshall({ pk: 'a' }) })

    expect(await get(client, 't', { pk: 'a' })).toEqual({ pk: 'a' })
    expect(dynamoDb.commandCalls(GetItemCommand)[0]?.args[0].input.ConsistentRead).toBe(true)
  })
})
