import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/gateway/handler.ts'
import { accessDenied, networkError } from '../../../support/faults.ts'
import { SETTINGS } from '../../../support/gateway.ts'
import { aContext, anApiEvent, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'

vi.mock(import('../../../../functions/core/platform/settings.ts'), () => ({
  readSettings: () => {
    const { free } = SETTINGS.quotas.plans
    const plans = { ...SETTINGS.quotas.plans, slow: { ...free, rate: { count: 5, interval_ms: 3_600_000 } } }
    return { ...SETTINGS, quotas: { ...SETTINGS.quotas, plans }, waiting: { per_user: 10, total: 50 } } as never
  },
}))

const dynamoDb = mockClient(DynamoDBClient)
const sqs = mockClient(SQSClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/gateway/handler.ts')).handler
})
beforeEach(() => {
  dynamoDb.reset()
  sqs.reset()
  dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall({ requests: 1, tokens: 4 }) })
  dynamoDb.on(PutItemCommand).resolves({})
  sqs.on(SendMessageCommand).resolves({})
})
afterEach(() => vi.restoreAllMocks())

const PROMPT = 'secret words'
const post = async (
  fields: { body?: string; isBase64Encoded?: boolean; headers?: Record<string, string> },
  caller?: Record<string, unknown>,
) => {
  const output = captureOutput()
  const { statusCode, headers, body } = await handler(anApiEvent('POST /v1/inference', fields, caller), aContext())
  return { statusCode, headers, body: JSON.parse(body ?? ''), text: body, output }
}
const submission = { body: JSON.stringify({ prompt: PROMPT }) }

/** Fields with values that are not texts. */
const many = (count: number) => Array.from({ length: count }, (_, i) => [`field_${i}`, i])

describe('gateway', () => {
  describe('for a user whose calls exceed the rate', () => {
    /** Each test begins at another hour, so no test sees the counted calls of another test. */
    let hour = Date.UTC(2026, 10, 23, 12)
    beforeEach(() => {
      hour += 3_600_000
      vi.useFakeTimers({ now: hour + 600_000, toFake: ['Date'] })
    })
    afterEach(() => vi.useRealTimers())
    const ann = { user_id: 'ann', plan: 'slow' }
    const bob = { user_id: 'bob', plan: 'slow' }
    const postMany = async (
      count: number,
      fields: { body: string; headers?: Record<string, string> },
      caller = ann,
    ) => {
      const codes: string[] = []
      for (let i = 0; i < count; i++) codes.push((await post(fields, caller)).body.code ?? 'accepted')
      return codes
    }
    const refusedByQuota = () => {
      const Item = marshall({ pk: 'x', requests: 3, tokens: 12, open: {} })
      dynamoDb
        .on(UpdateItemCommand)
        .rejects(new ConditionalCheckFailedException({ message: 'no', $metadata: {}, Item }))
    }

    it('answers the further POSTs of a flood with 429 and without a call to AWS, and serves another user', async () => {
      refusedByQuota()

      const codes = await postMany(20, submission)

      expect(codes).toEqual([...Array(5).fill('quota_exceeded'), ...Array(15).fill('rate_exceeded')])
      expect(dynamoDb.calls()).toHaveLength(5)
      dynamoDb.on(UpdateItemCommand).resolves({ Attributes: marshall({ requests: 1, tokens: 4 }) })
      expect(await postMany(1, submission, bob)).toEqual(['accepted'])
    })

    it('answers a POST above the rate with 429, the reason and Retry-After', async () => {
      await postMany(5, { body: 'no JSON' })

      const { statusCode, headers, body } = await post(submission, ann)

      expect(statusCode).toBe(429)
      expect(headers?.['Retry-After']).toBe('3000')
      expect(body).toEqual({
        error: 'too many calls: this plan allows 5 an hour',
        status: 'error',
        code: 'rate_exceeded',
        limit: 'rate',
      })
    })

    it('stores no Idempotency-Key of a POST that it refuses because of the rate', async () => {
      refusedByQuota()

      for (let i = 0; i < 20; i++) await postMany(1, { ...submission, headers: { 'idempotency-key': `key-${i}` } })

      expect(dynamoDb.commandCalls(PutItemCommand)).toHaveLength(5)
    })

    it('once the quota has reported the rate as used up, does not ask the quota again until the interval ends', async () => {
      const hourNumber = Math.floor(hour / 3_600_000)
      const count = { calls_interval: hourNumber, [`calls${hourNumber % 31}`]: hourNumber * 2 ** 20 + 5 }
      const Item = marshall({ pk: 'x', requests: 3, tokens: 12, open: {}, ...count })
      dynamoDb
        .on(UpdateItemCommand)
        .rejectsOnce(new ConditionalCheckFailedException({ message: 'no', $metadata: {}, Item }))
        .resolves({ Attributes: marshall({ requests: 1, tokens: 4 }) })

      expect(await postMany(4, submission)).toEqual(Array(4).fill('rate_exceeded'))
      expect(dynamoDb.calls()).toHaveLength(1)

      vi.setSystemTime(hour + 3_600_000)
      expect(await postMany(1, submission)).toEqual(['accepted'])
      hour += 3_600_000
    })
  })

  it('answers 202 with the request, its priority and the unused part of the limits', async () => {
    const { statusCode, headers, body } = await post(submission)

    expect(statusCode).toBe(202)
    expect(body).toEqual({
      request_id: expect.stringMatching(/^[0-9a-f-]{14}7[0-9a-f-]{21}$/),
      status: 'queued',
      estimated_tokens: 6,
      model: 'text',
      priority: 'normal',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    })
    expect(headers).toMatchObject({
      'Content-Type': 'application/json',
      Location: `/v1/inference/${body.request_id}`,
      'Retry-After': '1',
      'x-request-id': body.request_id,
      'RateLimit-Policy': '"requests";q=3;w=86400, "tokens";q=1000;w=86400',
      RateLimit: expect.stringMatching(/^"requests";r=2;t=\d+, "tokens";r=996;t=\d+$/),
    })
  })

  it('needs three calls to AWS for a POST, of which two are made at the same time', async () => {
    await post(submission)

    expect(dynamoDb.calls()).toHaveLength(2)
    expect(sqs.calls()).toHaveLength(1)
  })

  it('accepts a body in base64', async () => {
    const body = Buffer.from('{"prompt":"é\u{1f600}"}').toString('base64')

    expect((await post({ body, isBase64Encoded: true })).statusCode).toBe(202)
  })

  it('refuses a body that is not valid UTF-8', async () => {
    const body = Buffer.from('{"prompt":"caf\u00e9"}', 'latin1').toString('base64')

    const { statusCode, body: answer } = await post({ body, isBase64Encoded: true })

    expect(statusCode).toBe(400)
    expect(answer).toEqual({
      error: 'the body is not valid UTF-8',
      status: 'error',
      code: 'invalid_request',
      details: [{ path: '', message: 'is not valid UTF-8' }],
    })
    expect(dynamoDb.calls()).toEqual([])
  })

  it('applies the user’s own limits, whether API Gateway passes them as numbers or as texts', async () => {
    const { headers } = await post(submission, { user_id: 'u42', plan: 'free', requests: '7', tokens: 9 })

    expect(headers?.['RateLimit-Policy']).toBe('"requests";q=7;w=86400, "tokens";q=9;w=86400')
  })

  it('answers a POST above the quota with 429, the limit and its used part, after one call to AWS', async () => {
    const Item = marshall({ pk: 'x', requests: 3, tokens: 12, open: {} })
    dynamoDb.on(UpdateItemCommand).rejects(new ConditionalCheckFailedException({ message: 'no', $metadata: {}, Item }))

    const { statusCode, headers, body } = await post(submission)

    expect(statusCode).toBe(429)
    expect(body).toEqual({
      error: 'request quota exceeded',
      status: 'error',
      code: 'quota_exceeded',
      limit: 'requests',
      requests: { used: 3, limit: 3 },
      tokens: { used: 12, limit: 1_000, estimated: 6 },
      in_flight: { used: 0, limit: 2 },
    })
    expect(Number(headers?.['Retry-After'])).toBeGreaterThan(0)
    expect(headers?.RateLimit).toMatch(/^"requests";r=0;t=\d+, "tokens";r=988;t=\d+$/)
    expect(dynamoDb.calls()).toHaveLength(1)
    expect(sqs.calls()).toHaveLength(0)
  })

  it.each([
    { what: 'broken JSON', body: `{"prompt":"${PROMPT}`, status: 400, code: 'invalid_request' },
    { what: 'no body', body: undefined, status: 400, code: 'invalid_request' },
    { what: 'an unknown model', body: '{"prompt":"x","model":"gone"}', status: 400, code: 'unknown_model' },
    {
      what: 'a priority that the plan lacks',
      body: '{"prompt":"x","priority":"high"}',
      status: 403,
      code: 'priority_not_allowed',
    },
    { what: '5 MB', body: JSON.stringify({ prompt: 'x'.repeat(5_000_000) }), status: 413, code: 'payload_too_large' },
  ])('answers $status to $what without a call to AWS', async ({ body, status, code }) => {
    const answer = await post(body === undefined ? {} : { body })

    expect(answer.statusCode).toBe(status)
    expect(answer.body).toMatchObject({ error: expect.any(String), status: 'error', code })
    expect(answer.output.text()).not.toContain(PROMPT)
    expect(dynamoDb.calls()).toHaveLength(0)
  })

  it.each([
    { what: 'a field', body: `{"prompt":"x","${'k'.repeat(3_000_000)}":18446744073709551615}` },
    { what: 'a model', body: JSON.stringify({ prompt: 'x', model: 'm'.repeat(3_000_000) }) },
    { what: 'many wrong fields', body: JSON.stringify({ prompt: 1, metadata: Object.fromEntries(many(40_000)) }) },
  ])('answers 400 with a short sentence if $what would make it longer than an answer may be', async ({ body }) => {
    const { statusCode, text } = await post({ body })

    expect(statusCode).toBe(400)
    expect(text?.length).toBeLessThan(20_000)
  })

  it('answers 503 if a table is unavailable, and the answer has no details of AWS', async () => {
    dynamoDb.rejects(networkError('connect ECONNREFUSED 10.0.0.1, arn:aws:dynamodb:us-east-1:123456789012:table/x'))

    const { statusCode, headers, body, text } = await post(submission)

    expect(statusCode).toBe(503)
    expect(headers?.['Retry-After']).toBe('2')
    expect(body).toMatchObject({ status: 'error', code: 'unavailable' })
    expect(text).not.toMatch(/arn:|ECONNREFUSED|dynamodb| at /i)
  })

  it('answers 503 if the queue is unavailable', async () => {
    sqs.rejects(networkError('no connection'))

    expect(await post(submission)).toMatchObject({ statusCode: 503, body: { code: 'unavailable' } })
  })

  it('answers 500 if a permission is missing, since a retry does not help, and counts a defect', async () => {
    dynamoDb.rejects(accessDenied())

    const { statusCode, body, text, output } = await post(submission)

    expect(statusCode).toBe(500)
    expect(body).toMatchObject({ status: 'error', code: 'internal_error' })
    expect(text).not.toContain('not authorized')
    expect(output.text()).toContain('AccessDeniedException')
    expect(output.logs().filter(line => 'Defects' in line)).toHaveLength(1)
  })

  it('answers 500 with a general error text after an unexpected error', async () => {
    const { statusCode, body, text } = await post(submission, { plan: 'free' })

    expect(statusCode).toBe(500)
    expect(body).toEqual({ error: expect.any(String), status: 'error', code: 'internal_error' })
    expect(text).not.toMatch(/zod|user_id|stack|\.ts/i)
  })

  it('writes log lines and metrics as JSON, and never a prompt, whatever the answer is', async () => {
    const texts: string[] = []
    const failures = [
      () => undefined,
      () => sqs.rejects(networkError('down')),
      () => dynamoDb.rejects(networkError('down')),
    ]
    for (const fail of failures) {
      fail()
      const { output } = await post(submission)
      expect(output.logs().length).toBeGreaterThan(0)
      texts.push(output.text())
      vi.restoreAllMocks()
    }

    expect(texts.join('')).not.toContain(PROMPT)
    expect(texts[0]).toContain('"AcceptedRequests":1')
    expect(texts[1]).toContain('"environment":"test"')
  })
})
