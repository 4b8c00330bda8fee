import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  RequestLimitExceeded,
  ThrottlingException,
} from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { dynamoGuards } from '../../../../../functions/core/flow-control/dynamodb.ts'
import { type GuardState, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { Unavailable } from '../../../../../functions/core/platform/unavailable.ts'

const client = new DynamoDBClient({ region: 'us-east-1' })
const dynamoDb = mockClient(client)
const guards = dynamoGuards(client, 'models')
beforeEach(() => dynamoDb.reset())

const too = { message: 'slow down', $metadata: {} }
const next: GuardState = { ...UNTOUCHED, version: 8, writer: 'own' }

describe('dynamoGuards: a model that is written to more often than DynamoDB takes', () => {
  it.each([
    new ProvisionedThroughputExceededException(too),
    new ThrottlingException(too),
    new RequestLimitExceeded(too),
  ])('is as one whose other workers were quicker ($name)', async error => {
    const there = { ...UNTOUCHED, version: 9, writer: 'another' }
    dynamoDb.on(PutItemCommand).rejects(error)
    dynamoDb.on(GetItemCommand).resolves({ Item: marshall({ model: 'text', ...there }) })

    expect(await guards.write('text', next)).toEqual(there)
  })

  it('has nothing before its first write', async () => {
    dynamoDb.on(PutItemCommand).rejects(new ThrottlingException(too))
    dynamoDb.on(GetItemCommand).resolves({})

    expect(await guards.write('text', { ...next, version: 1 })).toEqual(UNTOUCHED)
  })

  it('is unavailable when what was there is gone: what has been allowed is not known', async () => {
    dynamoDb.on(PutItemCommand).rejects(new ConditionalCheckFailedException(too))
    dynamoDb.on(GetItemCommand).resolves({})

    await expect(guards.write('text', next)).rejects.toThrow(Unavailable)
  })

  it('is unavailable when it can’t be read either', async () => {
    dynamoDb.on(PutItemCommand).rejects(new ThrottlingException(too))
    dynamoDb.on(GetItemCommand).rejects(new ThrottlingException(too))

    await expect(guards.write('text', next)).rejects.toThrow(Unavailable)
  })
})
