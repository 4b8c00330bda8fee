import { describe, expect, it } from 'vitest'
import type { HttpCall } from '../../../../../functions/core/http/call.ts'
import { renderOpenAiError } from '../../../../../functions/core/openai-api/errors.ts'
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

describe('an outage', () => {
  it('of a call that admitted nothing may be retried by the SDK', () => {
    const { statusCode, headers } = renderOpenAiError(toRequestError(outage, logger), post())

    expect(statusCode).toBe(503)
    expect(headers).toMatchObject({ 'x-should-retry': 'true', 'Retry-After': '2' })
  })

  it('of a call that may have admitted a request is retried only under an Idempotency-Key, and the error has the request’s id', () => {
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
