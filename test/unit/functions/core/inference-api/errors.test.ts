import { expect, it, vi } from 'vitest'
import { toRequestError } from '../../../../../functions/core/platform/request-error.ts'
import { MayBeAdmitted, Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { answerTo } from '../../../../support/answers.ts'
import { newRequestId } from '../../../../support/requests.ts'

const outage = new Unavailable('the queue', new Error('timeout'))
const logger = { error: vi.fn() }

it('a 503 after which a request may have been admitted has the request’s id in its error and in a header', () => {
  const id = newRequestId()

  const { statusCode, headers, body } = answerTo(toRequestError(new MayBeAdmitted(id, outage), logger))

  expect(statusCode).toBe(503)
  expect(headers).toMatchObject({ 'x-request-id': id, 'Retry-After': '2' })
  expect(body.error).toContain(id)
})

it('a 503 after which no request was admitted has no request id', () => {
  expect(answerTo(toRequestError(outage, logger)).headers).not.toHaveProperty('x-request-id')
})
