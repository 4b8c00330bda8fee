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
import { beforeEach, describe, expect, it } from 'vitest'
import { dynamoModelStates } from '../../../../../functions/core/flow-control/dynamodb.ts'
import { type ModelState, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { mockClient } from '../../../../support/mock-client.ts'

const client = new DynamoDBClient({ region: 'us-east-1' })
const dynamoDb = mockClient(client)
const modelStates = dynamoModelStates(client, 'models')
beforeEach(() => dynamoDb.reset())

const too = { message: 'slow down', $metadata: {} }
const next: ModelState = { ...UNTOUCHED, version: 8, writer: 'own' }

describe('dynamoModelStates: a write of a model’s item', () => {
  it.each([
    new ProvisionedThroughputExceededException(too),
    new ThrottlingException(too),
    new RequestLimitExceeded(too),
  ])(
    'returns the stored state if DynamoDB throttles the write, as if another worker had written first ($name)',
    async error => {
      const there = { ...UNTOUCHED, version: 9, writer: 'another' }
      dynamoDb.on(PutItemCommand).rejects(error)
      dynamoDb.on(GetItemCommand).resolves({ Item: marshall({ model: 'text', ...there }) })

      expect(await modelStates.write('text', next)).toEqual(there)
    },
  )

  it('returns the initial state if DynamoDB throttles the write and the item does not exist yet', async () => {
    dynamoDb.on(PutItemCommand).rejects(new ThrottlingException(too))
    dynamoDb.on(GetItemCommand).resolves({})

    expect(await modelStates.write('text', { ...next, version: 1 })).toEqual(UNTOUCHED)
  })

  it('rejects with Unavailable if the model’s item has disappeared: the granted calls are then unknown, and further calls could exceed the rate limit', async () => {
    dynamoDb.on(PutItemCommand).rejects(new ConditionalCheckFailedException(too))
    dynamoDb.on(GetItemCommand).resolves({})

    await expect(modelStates.write('text', next)).rejects.toThrow(Unavailable)
  })

  it('a write of a model’s item rejects with Unavailable if the item can neither be written nor read', async () => {
    dynamoDb.on(PutItemCommand).rejects(new ThrottlingException(too))
    dynamoDb.on(GetItemCommand).rejects(new ThrottlingException(too))

    await expect(modelStates.write('text', next)).rejects.toThrow(Unavailable)
  })
})

describe('dynamoModelStates: the stored backlog, i.e. the numbers about requests that wait for the rate limit,', () => {
  const state: ModelState = { ...next, backlog: { slot: 1_700, taken: 3, last_return: 1_200 } }
  const item = { ...next, line: { turn: 1_700, taken: 3, heard: 1_200 } }

  it('is written with the field names that version 0.1.0 reads', async () => {
    dynamoDb.on(PutItemCommand).resolves({})

    await modelStates.write('text', state)

    const [call] = dynamoDb.commandCalls(PutItemCommand)
    expect(call?.args[0].input.Item).toEqual(marshall({ ...item, model: 'text' }))
  })

  it('the stored backlog can be read as version 0.1.0 wrote it', async () => {
    dynamoDb.on(GetItemCommand).resolves({ Item: marshall({ ...item, model: 'text' }) })

    expect(await modelStates.read('text')).toEqual(state)
  })

  it('the stored backlog counts as ended if it lacks the time at which a request was last redelivered', async () => {
    const { turn, taken } = item.line
    dynamoDb.on(GetItemCommand).resolves({ Item: marshall({ ...item, line: { turn, taken }, model: 'text' }) })

    expect((await modelStates.read('text'))?.backlog).toEqual({ slot: 1_700, taken: 3, last_return: 0 })
  })
})
