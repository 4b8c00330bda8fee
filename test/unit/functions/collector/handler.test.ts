import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { DatabaseResumingException, ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { marshall } from '@aws-sdk/util-dynamodb'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/collector/handler.ts'
import { aContext, anSqsEvent, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { anAcceptedEvent, anItem, anOutcome } from '../../../support/requests.ts'

const dynamoDb = mockClient(DynamoDBClient)
const rdsData = mockClient(RDSDataClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/collector/handler.ts')).handler
})
beforeEach(() => {
  dynamoDb.reset()
  rdsData.reset()
  rdsData.on(ExecuteStatementCommand).resolves({})
})
afterEach(() => vi.restoreAllMocks())

const item = anItem()
const decided = { ...item, status: 'completed', attempt: 1, charge: 7, completed_at: item.created_at }

describe('collector', () => {
  it('acknowledges what it took, and counts it', async () => {
    const output = captureOutput()
    dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall(decided) })

    const answer = await handler(anSqsEvent([anAcceptedEvent(item), anOutcome(item)]), aContext())

    expect(answer).toEqual({ batchItemFailures: [] })
    expect(rdsData.calls()).toHaveLength(1)
    expect(output.text()).toContain('"CompletedRequests":1')
    expect(output.text()).toContain('"ChargedTokens":7')
  })

  it('brings everything again while the ledger resumes, and logs neither prompt nor result', async () => {
    const output = captureOutput()
    dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall(decided) })
    rdsData.on(ExecuteStatementCommand).rejects(new DatabaseResumingException({ message: 'resuming', $metadata: {} }))

    const { batchItemFailures } = await handler(
      anSqsEvent([anAcceptedEvent(item, 'secret words'), anOutcome(item, { result: { inline: 'secret words' } })]),
      aContext(),
    )

    expect(batchItemFailures).toHaveLength(2)
    expect(output.text()).not.toContain('secret words')
    expect(output.logs()).toContainEqual(expect.objectContaining({ level: 'ERROR', request_id: item.request_id }))
  })

  it('brings again alone what can’t be read', async () => {
    captureOutput()

    const { batchItemFailures } = await handler(
      anSqsEvent(['nonsense', anAcceptedEvent(item), { ...anAcceptedEvent(item), v: 9 }]),
      aContext(),
    )

    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(['message-0', 'message-2'])
  })
})
