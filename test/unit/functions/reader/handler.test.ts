import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/reader/handler.ts'
import { networkError } from '../../../support/faults.ts'
import { SETTINGS } from '../../../support/gateway.ts'
import { aContext, anApiEvent, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'
import { anItem } from '../../../support/requests.ts'

vi.mock(import('../../../../functions/core/platform/settings.ts'), () => ({
  readSettings: () => {
    const { free } = SETTINGS.quotas.plans
    const plans = { ...SETTINGS.quotas.plans, slow: { ...free, rate: { count: 5, interval_ms: 60_000 } } }
    return { quotas: { ...SETTINGS.quotas, plans }, waiting: { per_user: 10, total: 50 } } as never
  },
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
const withId = (requestId: string) => ({ pathParameters: { request_id: requestId } })

describe('reader', () => {
  it('answers /healthz without a key and without reading a table', async () => {
    dynamoDb.rejects(networkError('down'))
    const event = { requestContext: {} } as object

    expect(await get('GET /healthz', event)).toMatchObject({ statusCode: 200, body: { status: 'ok' } })
  })

  it('shows a request to its owner, with Cache-Control: no-store', async () => {
    const item = anItem()
    const Key = marshall({ user_id: 'u42', request_id: item.request_id })
    dynamoDb.on(GetItemCommand, { Key }).resolves({ Item: marshall(item) })

    const { statusCode, headers, body } = await get('GET /v1/inference/{request_id}', withId(item.request_id))

    expect(statusCode).toBe(200)
    expect(headers?.['Cache-Control']).toBe('no-store')
    expect(body).toMatchObject({ request_id: item.request_id, status: 'queued' })
  })

  it('looks only for requests of the caller, so another user’s request is not found (I11)', async () => {
    const { request_id } = anItem()
    dynamoDb.on(GetItemCommand).resolves({})

    const answer = await get('GET /v1/inference/{request_id}', withId(request_id), { user_id: 'another', plan: 'free' })

    expect(answer).toMatchObject({ statusCode: 404, body: { code: 'not_found', status: 'error' } })
    expect(dynamoDb.commandCalls(GetItemCommand)[0]?.args[0].input.Key).toEqual(
      marshall({ user_id: 'another', request_id }),
    )
  })

  it('shows the quota of the caller', async () => {
    dynamoDb.on(GetItemCommand).resolves({})

    expect(await get('GET /v1/quota')).toMatchObject({
      statusCode: 200,
      body: { plan: 'free', requests: { used: 0, limit: 3 } },
    })
  })

  it('answers 405 with the allowed methods, or 404, if a path or method does not exist', async () => {
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

  it('answers the further GETs and DELETEs of a flood with 429 and without a call to AWS, and serves another user', async () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 10, 23, 12, 0, 20), toFake: ['Date'] })
    dynamoDb.on(GetItemCommand).resolves({})
    const slow = (userId: string) => ({ user_id: userId, plan: 'slow' })
    const { request_id } = anItem()
    const kinds = [
      ['GET /v1/quota', {}],
      ['GET /v1/inference/{request_id}', withId(request_id)],
      ['GET /v1/inference/{request_id}', { ...withId(request_id), queryStringParameters: { wait: 'long' } }],
      ['DELETE /v1/inference/{request_id}', withId(request_id)],
      ['GET /v1/inference', { queryStringParameters: { limit: '0' } }],
    ] as const

    const codes: string[] = []
    for (const [route, event] of [...kinds, ...kinds])
      codes.push((await get(route, event, slow('flood'))).body.code ?? 'answered')
    const calls = dynamoDb.calls().length
    const refused = await get('GET /v1/quota', {}, slow('flood'))

    expect(codes.slice(0, 5)).toEqual(['answered', 'not_found', 'invalid_request', 'not_found', 'invalid_request'])
    expect(codes.slice(5)).toEqual(Array(5).fill('rate_exceeded'))
    expect(calls).toBe(3)
    expect(refused).toMatchObject({ statusCode: 429, headers: { 'Retry-After': '40' }, body: { limit: 'rate' } })
    expect(await get('GET /v1/quota', {}, slow('another'))).toMatchObject({ statusCode: 200 })
    vi.setSystemTime(Date.UTC(2026, 10, 23, 12, 1))
    expect(await get('GET /v1/quota', {}, slow('flood'))).toMatchObject({ statusCode: 200 })
    vi.useRealTimers()
  })

  it('answers 503 while the table is unavailable', async () => {
    dynamoDb.rejects(networkError('down'))

    expect(await get('GET /v1/quota')).toMatchObject({ statusCode: 503, body: { code: 'unavailable' } })
  })
})
