import { BatchGetItemCommand, DynamoDBClient, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/sweeper/handler.ts'
import { aContext, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'

vi.mock(import('../../../../functions/core/platform/settings.ts'), () => ({
  readSettings: () => ({ models: ['text'] }) as never,
}))

const dynamoDb = mockClient(DynamoDBClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/sweeper/handler.ts')).handler
})
beforeEach(() => dynamoDb.reset())
afterEach(() => vi.restoreAllMocks())

const KEY = marshall({ pk: 'user#u42#2020-11-23' })

describe('sweeper', () => {
  it('fails with the reason if it can’t close any of the reservations', async () => {
    const output = captureOutput()
    dynamoDb.on(ScanCommand).resolves({ Items: [KEY] })
    const open = { 'r1:1': [10, 0, 'nonce', 1], 'r2:1': [10, 0, 'nonce', 1] }
    dynamoDb
      .on(BatchGetItemCommand)
      .resolves({ Responses: { quota: [{ ...KEY, ...marshall({ requests: 2, tokens: 20, open }) }] } })
    dynamoDb.on(GetItemCommand).rejects(new Error('AccessDenied'))

    await expect(handler({}, aContext())).rejects.toThrow('AccessDenied')

    expect(output.text().match(/could not be closed/g)).toHaveLength(1)
    expect(output.text()).toContain('"failed":2')
  })

  it('succeeds without a log line if there is nothing to do', async () => {
    const output = captureOutput()
    dynamoDb.on(ScanCommand).resolves({ Items: [] })

    await handler({}, aContext())

    expect(output.text()).toBe('')
  })
})
