import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/intake/handler.ts'
import { networkError } from '../../../support/faults.ts'
import { SETTINGS } from '../../../support/gateway.ts'
import { aContext, anSqsEvent, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'

vi.mock(import('../../../../functions/core/platform/settings.ts'), () => ({ readSettings: () => SETTINGS as never }))

const dynamoDb = mockClient(DynamoDBClient)
const sqs = mockClient(SQSClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/intake/handler.ts')).handler
})
beforeEach(() => {
  dynamoDb.reset()
  sqs.reset()
  dynamoDb.on(GetItemCommand).resolves({})
  dynamoDb
    .on(GetItemCommand, { TableName: 'users' })
    .resolves({ Item: marshall({ user_id: 'u42', plan: 'free', overrides: {} }) })
  dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall({ requests: 1, tokens: 4 }) })
  dynamoDb.on(PutItemCommand).resolves({})
  sqs.on(SendMessageCommand).resolves({})
  sqs.on(SendMessageBatchCommand).resolves({})
})
afterEach(() => vi.restoreAllMocks())

const PROMPT = 'secret words'
const take = (...bodies: unknown[]) => handler(anSqsEvent(bodies, 'nightly'), aContext())
const ORDER = { user_id: 'u42', prompt: PROMPT }

describe('intake', () => {
  it('acknowledges and counts admitted and refused messages, and logs no prompt', async () => {
    const output = captureOutput()

    const answer = await take(ORDER, `{"prompt":"${PROMPT}"`)

    expect(answer).toEqual({ batchItemFailures: [] })
    expect(output.text()).toContain('"AcceptedRequests":1')
    expect(output.text()).toContain('"RefusedRequests":1')
    expect(output.text()).not.toContain(PROMPT)
  })

  it('needs six calls to AWS for a message that it admits', async () => {
    captureOutput()

    await take(ORDER)

    expect(dynamoDb.calls()).toHaveLength(5)
    expect(sqs.calls()).toHaveLength(1)
  })

  it('lets SQS redeliver only the message whose user can’t be read, and logs the message’s id', async () => {
    const output = captureOutput()
    dynamoDb
      .on(GetItemCommand, { TableName: 'users', Key: marshall({ user_id: 'away' }) })
      .rejects(networkError('connect ECONNREFUSED'))

    const answer = await take(ORDER, { ...ORDER, user_id: 'away' })

    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-1' }] })
    expect(output.logs()).toContainEqual(
      expect.objectContaining({ level: 'ERROR', queue: 'nightly', message_id: 'message-1' }),
    )
    expect(output.text()).toContain('"ReturnedMessages":1')
    expect(output.text()).not.toContain(PROMPT)
  })

  it('sends a `refused` event to the collector for a message that the quota refuses', async () => {
    captureOutput()
    const Item = marshall({ pk: 'x', requests: 3, tokens: 12, open: {} })
    dynamoDb.on(UpdateItemCommand).rejects(new ConditionalCheckFailedException({ message: 'no', $metadata: {}, Item }))

    const answer = await take(ORDER)

    expect(answer).toEqual({ batchItemFailures: [] })
    const [sent] = sqs.commandCalls(SendMessageCommand)
    expect(sent?.args[0].input.QueueUrl).toBe('https://sqs/1/stack-results')
    expect(JSON.parse(sent?.args[0].input.MessageBody ?? '')).toMatchObject({
      type: 'refused',
      input: { queue: 'nightly', message_id: 'message-0', refusal: { code: 'quota_exceeded' } },
    })
  })
})
