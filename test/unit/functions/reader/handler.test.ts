import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { marshall } from '@aws-sdk/util-dynamodb'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/reader/handler.ts'
import { SETTINGS } from '../../../support/gateway.ts'
import { aContext, anApiEvent, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { anItem } from '../../../support/requests.ts'

vi.mock(import('../../../../functions/platform/settings.ts'), () => ({
  readSettings: () => ({ quotas: SETTINGS.quotas, waiting: { per_user: 10, total: 50 } }) as never,
}))

const dynamoDb = mockClient(DynamoDBClient)
const rdsData = mockClient(RDSDataClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/reader/handler.ts')).handler
})
beforeEach(() => {
  dynamoDb.reset()
  rdsData.reset()
  captureOutput()
})
afterEach(() => vi.restoreAllMocks())

const get = async (...event: Parameters<typeof anApiEvent>) => {
  const { statusCode, headers, body = '' } = await handler(anApiEvent(...event), aContext())
  return { statusCode, headers, body: JSON.parse(body) }
}
const withId = (request_id: string) => ({ pathParameters: { request_id } })

describe('reader', () => {
  it('is well without a key and without a table', async () => {
    dynamoDb.rejects(new Error('down'))
    const event = { requestContext: {} } as object

    expect(await get('GET /healthz', event)).toMatchObject({ statusCode: 200, body: { status: 'ok' } })
  })

  it('shows a request to its owner, and lets nobody keep the answer', async () => {
    const item = anItem()
    const Key = marshall({ user_id: 'u42', request_id: item.request_id })
    dynamoDb.on(GetItemCommand, { Key }).resolves({ Item: marshall(item) })

    const { statusCode, headers, body } = await get('GET /v1/inference/{request_id}', withId(item.request_id))

    expect(statusCode).toBe(200)
    expect(headers?.['Cache-Control']).toBe('no-store')
    expect(body).toMatchObject({ request_id: item.request_id, status: 'queued' })
  })

  it('asks for the caller’s own requests only (I11)', async () => {
    const { request_id } = anItem()
    dynamoDb.on(GetItemCommand).resolves({})

    const answer = await get('GET /v1/inference/{request_id}', withId(request_id), { user_id: 'another', plan: 'free' })

    expect(answer).toMatchObject({ statusCode: 404, body: { code: 'not_found', status: 'error' } })
    expect(dynamoDb.commandCalls(GetItemCommand)[0]?.args[0].input.Key).toEqual(
      marshall({ user_id: 'another', request_id }),
    )
  })

  it('shows the quota', async () => {
    dynamoDb.on(GetItemCommand).resolves({})

    expect(await get('GET /v1/quota')).toMatchObject({
      statusCode: 200,
      body: { plan: 'free', requests: { used: 0, limit: 3 } },
    })
  })

  it('answers 405 with what is allowed, and 404, to what has no route', async () => {
    expect(await get('$default', { rawPath: '/v1/quota' })).toMatchObject({
      statusCode: 405,
      headers: { Allow: 'GET' },
      body: { code: 'method_not_allowed' },
    })
    expect(await get('$default', { rawPath: '/nowhere' })).toMatchObject({
      statusCode: 404,
      body: { code: 'not_found' },
    })
  })

  it('answers 503 while the table is unavailable', async () => {
    dynamoDb.rejects(new Error('down'))

    expect(await get('GET /v1/quota')).toMatchObject({ statusCode: 503, body: { code: 'unavailable' } })
  })
})
