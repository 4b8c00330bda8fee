import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RequestItem } from '../../../../functions/core/domain/item.ts'
import type { handler as Handler } from '../../../../functions/worker/handler.ts'
import type { Settings } from '../../../../functions/worker/settings.ts'
import { NOW } from '../../../support/clock.ts'
import { aRetry } from '../../../support/failures.ts'
import { networkError } from '../../../support/faults.ts'
import { aContext, anSqsEvent, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'
import { aMessage, anItem } from '../../../support/requests.ts'

const SETTINGS: Settings = {
  model: 'text',
  endpoint: { url: 'http://127.0.0.1:1/predict', timeout_ms: 1_000, headers: {} },
  request: '{ "input": prompt }',
  response: '$',
  batched: false,
  retry: aRetry({ attempts: 1 }),
  store_prompts: true,
}
vi.mock(import('../../../../functions/core/platform/settings.ts'), () => ({ readSettings: () => SETTINGS as never }))

const dynamoDb = mockClient(DynamoDBClient)
const sqs = mockClient(SQSClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/worker/handler.ts')).handler
})
beforeEach(() => {
  // The handler reads the system’s clock. Without a fake clock, the deadlines of the requests, shortly after NOW, would have passed.
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] })
  dynamoDb.reset()
  sqs.reset()
  // The models table has no item of the model yet.
  dynamoDb.on(GetItemCommand, { TableName: 'models' }).resolves({})
  sqs.on(SendMessageCommand).resolves({}).on(SendMessageBatchCommand).resolves({})
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const claimable = (item: RequestItem) =>
  dynamoDb
    .on(UpdateItemCommand, { Key: marshall({ user_id: item.user_id, request_id: item.request_id }) })
    .resolves({ Attributes: marshall({ ...item, status: 'running', attempt: 1, lease_until: item.deadline }) })

describe('worker', () => {
  it('acknowledges a message although its model call failed, since the outcome was sent', async () => {
    const output = captureOutput()
    const item = anItem()
    claimable(item)

    const answer = await handler(anSqsEvent([aMessage(item, { prompt: 'secret words' })]), aContext())

    expect(answer).toEqual({ batchItemFailures: [] })
    const [sent] = sqs.commandCalls(SendMessageCommand)
    expect(JSON.parse(sent?.args[0].input.MessageBody ?? '')).toMatchObject({
      status: 'failed',
      error: { code: 'model_unreachable' },
    })
    expect(output.text()).not.toContain('secret words')
  })

  it('claims a request with a lease until the invocation has certainly ended, so no other worker runs the request meanwhile', async () => {
    captureOutput()
    const item = anItem()
    claimable(item)

    await handler(anSqsEvent([aMessage(item)]), aContext())

    const [claim] = dynamoDb.commandCalls(UpdateItemCommand)
    const lease = Number(claim?.args[0].input.ExpressionAttributeValues?.[':lease']?.N)
    expect(lease).toBeGreaterThanOrEqual(NOW + 60_000)
    expect(lease).toBeLessThan(NOW + 120_000)
  })

  it('lets a message that it could not run be redelivered, reports an unreadable message, and logs no body', async () => {
    const output = captureOutput()
    const [good, unlucky] = [anItem(), anItem()]
    dynamoDb.on(UpdateItemCommand).rejects(networkError('throttled'))
    claimable(good)

    const { batchItemFailures } = await handler(
      anSqsEvent([
        aMessage(good),
        aMessage(unlucky, { prompt: 'secret words' }),
        '{"prompt":"secret words"',
        { v: 2, prompt: 'secret words' },
      ]),
      aContext(),
    )

    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(['message-1'])
    const reported = sqs.commandCalls(SendMessageBatchCommand).flatMap(({ args }) => args[0].input.Entries ?? [])
    expect(reported.map(({ MessageBody = '' }) => JSON.parse(MessageBody))).toMatchObject([
      { type: 'unreadable', message_id: 'message-2', text: '{"prompt":"secret words"' },
      { type: 'unreadable', message_id: 'message-3' },
    ])
    expect(output.text()).not.toContain('secret words')
    expect(output.text()).toContain(unlucky.request_id)
    expect(output.text()).toContain('"ReturnedMessages":1')
  })

  it('acknowledges a second delivery of a request that has ended', async () => {
    captureOutput()
    const item = anItem({ status: 'completed', attempt: 1 })
    dynamoDb
      .on(UpdateItemCommand)
      .rejects(new ConditionalCheckFailedException({ message: 'no', $metadata: {}, Item: marshall(item) }))

    expect(await handler(anSqsEvent([aMessage(item)]), aContext())).toEqual({ batchItemFailures: [] })
    expect(sqs.calls()).toHaveLength(0)
  })
})
