import { describe, expect, it } from 'vitest'
import { judge } from '../../../../../functions/core/inference/verdict.ts'
import { NOW } from '../../../../support/clock.ts'
import { answered, aRetry } from '../../../../support/failures.ts'

const RETRY = aRetry()
const verdictOf = (status: number, retry = RETRY, hasSecret = false) => {
  const answer = judge(answered({}, { status }), { retry, has_secret: hasSecret }, NOW)
  return answer.ok ? 'ok' : answer.verdict
}

describe('the verdict on a status', () => {
  it.each([200, 201, 299])('is that the call has succeeded, with %i', status => {
    expect(verdictOf(status)).toBe('ok')
  })

  it.each([429, 500, 502, 503, 504, 599])('is that the call is made again, after %i', status => {
    expect(verdictOf(status)).toBe('retry')
  })

  it.each([301, 400, 401, 404, 422, 499])('is that the request fails, after %i', status => {
    expect(verdictOf(status)).toBe('drop')
  })

  it.each([
    { status: 409, policy: { backoff_on: [409] }, verdict: 'retry' },
    { status: 503, policy: { backoff_on: [429] }, verdict: 'retry' },
    { status: 501, policy: { drop_on: [501] }, verdict: 'drop' },
    { status: 400, policy: { drop_on: [] }, verdict: 'drop' },
  ])('is what pipeline.yaml says: $status, $policy', ({ status, policy, verdict }) => {
    expect(verdictOf(status, { ...RETRY, ...policy })).toBe(verdict)
  })

  it('is that the model is halted, after 401 where the calls carry a secret', () => {
    expect(verdictOf(401, RETRY, true)).toBe('halt')
    expect(verdictOf(401, aRetry({ drop_on: [401] }), true)).toBe('drop')
    expect(verdictOf(401, aRetry({ backoff_on: [401] }), true)).toBe('retry')
  })
})

describe('the verdict on a call without an answer', () => {
  const broken = { kind: 'broken', code: 'model_unreachable', message: 'm', reached: false } as const

  it.each([
    { retry: 'as configured', verdict: { verdict: 'retry' } },
    { retry: 'once', verdict: { verdict: 'retry', once: true } },
    { retry: 'never', verdict: { verdict: 'drop' } },
  ] as const)('is what the endpoint says: $retry', ({ retry, verdict }) => {
    const answer = judge({ ...broken, retry }, { retry: RETRY, has_secret: false }, NOW)

    expect(answer).toEqual({ ok: false, code: 'model_unreachable', message: 'm', reached: false, ...verdict })
  })
})
