import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { DatabaseResumingException, ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/collector/handler.ts'
import { endedEvent } from '../../../../functions/core/domain/events.ts'
import { networkError } from '../../../support/faults.ts'
import { aContext, anSqsEvent, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'
import { aMessage, anAcceptedEvent, anItem, anOutcome } from '../../../support/requests.ts'

const dynamoDb = mockClient(DynamoDBClient)
const rdsData = mockClient(RDSDataClient)
const sqs = mockClient(SQSClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/collector/handler.ts')).handler
})
beforeEach(() => {
  dynamoDb.reset()
  rdsData.reset()
  sqs.reset()
  rdsData.on(ExecuteStatementCommand).resolves({})
})
afterEach(() => vi.restoreAllMocks())

const item = anItem()
const decided = { ...item, status: 'completed', attempt: 1, charge: 7, completed_at: item.created_at }

describe('collector', () => {
  it('acknowledges and counts the events', async () => {
    const output = captureOutput()
    dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall(decided) })

    const answer = await handler(anSqsEvent([anAcceptedEvent(item), anOutcome(item)]), aContext())

    expect(answer).toEqual({ batchItemFailures: [] })
    expect(rdsData.calls()).toHaveLength(1)
    expect(output.text()).toContain('"CompletedRequests":1')
    expect(output.text()).not.toContain('ReturnedMessages')
    expect(output.text()).toContain('"ChargedTokens":7')
  })

  it('writes no log line and no metrics for a request that was accepted and has not ended', async () => {
    const output = captureOutput()

    await handler(anSqsEvent([anAcceptedEvent(item)]), aContext())

    expect(output.text()).toBe('')
  })

  it.each(['failed', 'cancelled', 'expired'] as const)(
    'counts a request that ended as %s, whichever function ended it',
    async status => {
      const output = captureOutput()

      await handler(anSqsEvent([endedEvent(anItem({ status, completed_at: item.created_at }))]), aContext())

      const name = `${status.charAt(0).toUpperCase()}${status.slice(1)}Requests`
      expect(output.logs()).toContainEqual(expect.objectContaining({ [name]: 1 }))
      expect(output.logs()).toContainEqual(expect.objectContaining({ [name]: 1, service: 'test', model: item.model }))
    },
  )

  it('counts the requests of several events in one line of metrics per model', async () => {
    const output = captureOutput()
    const ended = (model: string, status: 'failed' | 'expired') =>
      endedEvent(anItem({ model, status, completed_at: item.created_at }))

    await handler(
      anSqsEvent([ended('a', 'failed'), ended('b', 'failed'), ended('a', 'failed'), ended('a', 'expired')]),
      aContext(),
    )

    const ofModels = output.logs().filter(line => '_aws' in line && ['a', 'b'].includes(String(line.model)))
    expect(ofModels).toMatchObject([
      { model: 'a', FailedRequests: 2, ExpiredRequests: 1 },
      { model: 'b', FailedRequests: 1 },
    ])
    // CloudWatch can compute the sum over all models when it is needed. A metric of the whole service would cost extra.
    const dimensions = (line: Record<string, unknown>) =>
      (line._aws as { CloudWatchMetrics: { Dimensions: string[][] }[] }).CloudWatchMetrics[0]?.Dimensions
    for (const line of ofModels) expect(dimensions(line)).toEqual([['service', 'model']])
  })

  it('measures the wait and the total time of requests, except redriven ones, whose times include the wait for an operator', async () => {
    const output = captureOutput()
    const times = { started_at: item.created_at + 250, completed_at: item.created_at + 4_000 }
    const expired = { status: 'expired', completed_at: item.created_at + 60_000 } as const

    await handler(
      anSqsEvent([
        endedEvent(anItem({ status: 'failed', ...times })),
        endedEvent(anItem(expired)),
        endedEvent(anItem({ status: 'failed', ...times, run: 2 })),
      ]),
      aContext(),
    )

    expect(output.logs()).toContainEqual(
      expect.objectContaining({ model: item.model, QueueWait: 0.25, TimeToEnd: [4, 60] }),
    )
  })

  it('logs the end of each request in one line, at WARN with the reason if the request failed', async () => {
    const output = captureOutput()
    dynamoDb.on(UpdateItemCommand).resolves({
      Attributes: marshall({ ...decided, started_at: item.created_at + 20, completed_at: item.created_at + 50 }),
    })
    const error = { code: 'model_error', message: 'the model answered 500' }
    const failed = anItem({ status: 'failed', attempt: 5, error, completed_at: item.created_at + 9_000 })

    await handler(anSqsEvent([anOutcome(item), endedEvent(failed)]), aContext())

    const ends = output.logs().filter(line => 'total_ms' in line)
    expect(ends).toContainEqual(
      expect.objectContaining({
        level: 'INFO',
        message: 'a request of text is completed',
        request_id: item.request_id,
        user_id: item.user_id,
        model: 'text',
        status: 'completed',
        attempts: 1,
        charged_tokens: 7,
        queued_ms: 20,
        ran_ms: 30,
        total_ms: 50,
      }),
    )
    expect(ends).toContainEqual(
      expect.objectContaining({
        level: 'WARN',
        message: 'a request of text failed: the model answered 500',
        request_id: failed.request_id,
        status: 'failed',
        attempts: 5,
        code: 'model_error',
        reason: 'the model answered 500',
        total_ms: 9_000,
      }),
    )
    expect(ends).toHaveLength(2)
  })

  it('logs the model’s error text about a failure, but no part of an answer that may be a result', async () => {
    const output = captureOutput()
    const error = {
      code: 'invalid_model_response',
      message: "the model's answer is not JSON (200, text/plain); it begins with a whole result; it begins with more",
      status: 200,
      detail: 'its own words',
    }
    dynamoDb.on(UpdateItemCommand).resolves({
      Attributes: marshall({
        ...decided,
        status: 'failed',
        error: { code: error.code, message: error.message },
        claim_id: `ended-${JSON.stringify({ status: 200, detail: error.detail })}`,
      }),
    })

    await handler(anSqsEvent([{ ...anOutcome(item), status: 'failed', error }]), aContext())

    expect(output.logs()).toContainEqual(
      expect.objectContaining({
        reason: "the model's answer is not JSON (200, text/plain)",
        model_status: 200,
        detail: 'its own words',
      }),
    )
    expect(output.text()).not.toContain('whole result')
  })

  it('counts no end of a request that was never accepted (its item is a tombstone)', async () => {
    const output = captureOutput()

    await handler(anSqsEvent([endedEvent(anItem({ status: 'rejected', completed_at: item.created_at }))]), aContext())

    expect(output.text()).not.toMatch(/\w+Requests"/)
  })

  it('returns all events to the queue while the database resumes after a pause, and logs neither prompt nor result', async () => {
    const output = captureOutput()
    dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall(decided) })
    rdsData.on(ExecuteStatementCommand).rejects(new DatabaseResumingException({ message: 'resuming', $metadata: {} }))

    const { batchItemFailures } = await handler(
      anSqsEvent([anAcceptedEvent(item, 'secret words'), anOutcome(item, { result: { inline: 'secret words' } })]),
      aContext(),
    )

    expect(batchItemFailures).toHaveLength(2)
    expect(output.text()).toContain('"ReturnedMessages":2')
    expect(output.text()).not.toContain('secret words')
    expect(output.logs()).toContainEqual(expect.objectContaining({ level: 'ERROR', request_id: item.request_id }))
  })

  it('makes a dead letter of an unreadable message, and logs no part of the message', async () => {
    const output = captureOutput()

    const { batchItemFailures } = await handler(
      anSqsEvent(['secret words', anAcceptedEvent(item), { ...anAcceptedEvent(item), window: undefined }]),
      aContext(),
    )

    expect(batchItemFailures).toEqual([])
    const [statement] = rdsData.commandCalls(ExecuteStatementCommand)
    const parameter = statement?.args[0].input.parameters?.find(({ name }) => name === 'dead_letters')
    expect(JSON.parse(parameter?.value?.stringValue ?? '')).toMatchObject([
      { id: 'message:message-0', reason: 'unreadable', message: { text: 'secret words' } },
      { id: 'message:message-2', reason: 'unreadable' },
    ])
    expect(output.text()).not.toContain('secret words')
  })

  it('returns events of a newer version to their queue, logs their type, and takes the other events', async () => {
    const output = captureOutput()

    const { batchItemFailures } = await handler(
      anSqsEvent([anAcceptedEvent(item), { ...anAcceptedEvent(item), v: 9 }, { v: 1, type: 'paused', text: 'secret' }]),
      aContext(),
    )

    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(['message-1', 'message-2'])
    const [statement] = rdsData.commandCalls(ExecuteStatementCommand)
    expect(statement?.args[0].input.parameters?.find(({ name }) => name === 'dead_letters')?.value).toEqual({
      stringValue: '[]',
    })
    const errors = output.logs().filter(({ level }) => level === 'ERROR')
    expect(errors).toMatchObject([
      { message_id: 'message-1', type: 'accepted', version: 9 },
      { message_id: 'message-2', type: 'paused', version: 1 },
    ])
    expect(output.text()).toContain('"ReturnedMessages":2')
    expect(output.text()).not.toContain('secret')
  })

  it('returns and counts a message of the models’ dead-letter queue whose request item can’t be read', async () => {
    const output = captureOutput()
    dynamoDb.on(GetItemCommand).rejects(networkError('throttled'))

    const { batchItemFailures } = await handler(anSqsEvent([aMessage(item)]), aContext())

    expect(batchItemFailures).toHaveLength(1)
    expect(output.text()).toContain('"ReturnedMessages":1')
  })

  it('fails the request of a message from the dead-letter queue if the lease of its last worker has ended', async () => {
    captureOutput()
    const abandoned = anItem({ status: 'running', attempt: 10, lease_until: item.created_at })
    const failed = { ...abandoned, status: 'failed', error: { code: 'worker_crashed', message: 'm' }, charge: 0 }
    dynamoDb.on(GetItemCommand).resolves({ Item: marshall(abandoned) })
    dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall(failed) })
    sqs.on(SendMessageCommand).resolves({})

    const answer = await handler(anSqsEvent([aMessage(abandoned)]), aContext())

    expect(answer).toEqual({ batchItemFailures: [] })
    const [sent] = sqs.commandCalls(SendMessageCommand)
    expect(JSON.parse(sent?.args[0].input.MessageBody ?? '')).toMatchObject({ type: 'ended', status: 'failed' })
  })
})
