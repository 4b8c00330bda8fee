import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../../../functions/core/domain/operation.ts'
import type { HttpCall } from '../../../../../functions/core/http/call.ts'
import { renderOpenAiError } from '../../../../../functions/core/openai-api/errors.ts'
import { parseOpenAi } from '../../../../../functions/core/openai-api/submission.ts'
import { toRequestError } from '../../../../../functions/core/platform/request-error.ts'
import { MayBeAdmitted, Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { newRequestId } from '../../../../support/requests.ts'

const post = (headers: HttpCall['headers'] = {}): HttpCall => ({
  route: 'POST /v1/chat/completions',
  path: '/v1/chat/completions',
  headers,
  query: {},
  parameters: {},
  caller: () => ({ user_id: 'ann', plan: 'free' }),
  body: () => '',
  remainingMs: () => 0,
})
const outage = new Unavailable('the queue', new Error('no connection'))
const logger = { error: () => undefined }

describe('the OpenAI API: a 400 because of a body', () => {
  const errorOf = (operation: Operation, body: object) => {
    try {
      parseOpenAi(operation, JSON.stringify({ model: 'text', ...body }), {})
    } catch (error) {
      return JSON.parse(renderOpenAiError(toRequestError(error, logger), post()).body ?? '').error
    }
  }

  it.each([
    ['chat.completions', 'messages'],
    ['completions', 'prompt'],
    ['embeddings', 'input'],
    ['responses', 'input'],
  ] as const)('says about a body of %s without %s that the parameter is missing', (operation, param) => {
    expect(errorOf(operation, {})).toMatchObject({ param, code: 'missing_required_parameter' })
  })

  it('names the wrong place in its message as in `param`', () => {
    const error = errorOf('chat.completions', { messages: [{ role: 'nobody' }] })

    expect(error).toMatchObject({ param: 'messages[0].role', code: 'invalid_value' })
    expect(error.message).toContain('`messages[0].role`')
  })
})

describe('the OpenAI API: a 503 because of an outage', () => {
  it('tells the SDK to retry if no request was admitted', () => {
    const { statusCode, headers } = renderOpenAiError(toRequestError(outage, logger), post())

    expect(statusCode).toBe(503)
    expect(headers).toMatchObject({ 'x-should-retry': 'true', 'Retry-After': '2' })
  })

  it('has the request’s id if a request may have been admitted, and tells the SDK to retry only with an Idempotency-Key', () => {
    const id = newRequestId()
    const error = toRequestError(new MayBeAdmitted(id, outage), logger)

    const unkeyed = renderOpenAiError(error, post())
    const keyed = renderOpenAiError(error, post({ 'idempotency-key': 'one' }))

    expect(unkeyed).toMatchObject({ statusCode: 503, headers: { 'x-should-retry': 'false', 'x-request-id': id } })
    expect(unkeyed.headers).not.toHaveProperty('Retry-After')
    expect(JSON.parse(unkeyed.body ?? '').error.message).toContain(id)
    expect(keyed.headers).toMatchObject({ 'x-should-retry': 'true', 'Retry-After': '2' })
  })
})
