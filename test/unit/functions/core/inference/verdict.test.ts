import { describe, expect, it } from 'vitest'
import { judgeElement } from '../../../../../functions/core/inference/element-verdict.ts'
import type { Answered, Body, ModelAnswer, ModelFailure } from '../../../../../functions/core/inference/port.ts'
import { type Circumstances, judge } from '../../../../../functions/core/inference/verdict.ts'
import { NOW } from '../../../../support/clock.ts'
import { answered, aRetry } from '../../../../support/failures.ts'

const RETRY = aRetry()
const by = (fields: Partial<Circumstances> = {}): Circumstances => ({
  rules: { retry: RETRY, has_secret: false },
  condition: undefined,
  quotes: true,
  now: NOW,
  ...fields,
})
const verdictOf = (status: number, retry = RETRY, hasSecret = false) => {
  const answer = judge(answered({}, { status }), by({ rules: { retry, has_secret: hasSecret } }))
  return answer.ok ? 'ok' : answer.verdict
}

function failureOf(answer: ModelAnswer): ModelFailure {
  if (answer.ok) throw new Error('it is a success')
  return answer
}

const withText = (text: string, type: string, fields: Partial<Answered> = {}) =>
  answered(undefined, { content_type: type, body: { kind: 'text', text, why: 'is not JSON' }, ...fields })

describe('the verdict on a status', () => {
  it.each([200, 201, 202, 299])('is a success, with %i', status => {
    expect(verdictOf(status)).toBe('ok')
  })

  it.each([408, 409, 425, 429, 500, 502, 503, 504, 529, 599])('is a retry of the request, with %i', status => {
    expect(verdictOf(status)).toBe('retry')
  })

  it.each([301, 307, 400, 401, 402, 403, 404, 413, 422, 424, 498, 499])(
    'is a failure of the request, with %i',
    status => {
      expect(verdictOf(status)).toBe('drop')
    },
  )

  it.each([
    { status: 424, policy: { backoff_on: [424] }, verdict: 'retry' },
    { status: 429, policy: { backoff_on: [503] }, verdict: 'retry' },
    { status: 429, policy: { drop_on: [429], backoff_on: [] }, verdict: 'drop' },
    { status: 503, policy: { backoff_on: [429] }, verdict: 'retry' },
    { status: 501, policy: { drop_on: [501] }, verdict: 'drop' },
    { status: 409, policy: { drop_on: [409] }, verdict: 'drop' },
    { status: 400, policy: { drop_on: [] }, verdict: 'drop' },
  ])('the verdict on $status is $verdict if pipeline.yaml has $policy', ({ status, policy, verdict }) => {
    expect(verdictOf(status, { ...RETRY, ...policy })).toBe(verdict)
  })

  it('the verdict on a 401 is a halt of the model (no calls except probes) if its calls have a secret, and pipeline.yaml has no rule for 401', () => {
    expect(verdictOf(401, RETRY, true)).toBe('halt')
    expect(verdictOf(401, aRetry({ drop_on: [401] }), true)).toBe('drop')
    expect(verdictOf(401, aRetry({ backoff_on: [401] }), true)).toBe('retry')
  })

  it('the verdict on a 403 is drop, and the flow control decides on a halt, since it knows whether other users get a 403, too', () => {
    expect(judge(answered({}, { status: 403 }), by())).toMatchObject({ verdict: 'drop', status: 403 })
  })

  it('the verdict on any status has the pause that the model asks for', () => {
    for (const status of [400, 429, 503])
      expect(judge(answered({}, { status, headers: { 'retry-after': '1.5' } }), by())).toMatchObject({
        retry_after_ms: 2_000,
      })
  })
})

describe('judge: a model that answers that it is loading', () => {
  it.each([
    { error: { message: 'Loading model', code: 503 } },
    { error: 'Model meta/llama is currently loading', estimated_time: 20 },
  ])('is recognized by the error text of its 503: %j', body => {
    expect(judge(answered(body, { status: 503 }), by({ quotes: false }))).toMatchObject({
      verdict: 'retry',
      loading: true,
    })
  })

  it.each([
    { status: 503, body: { error: 'no capacity' } },
    { status: 503, body: { error: 'error loading model' } },
    { status: 503, body: { error: 'busy, and could not answer "the model is loading"' } },
    { status: 503, body: { error: 'too busy for: loading model' } },
    { status: 500, body: { error: 'Loading model' } },
  ])('a loading model is not recognized in another answer: $status $body', ({ status, body }) => {
    expect(judge(answered(body, { status }), by())).not.toHaveProperty('loading')
  })
})

describe('the verdict of a condition (halt_when, drop_when, backoff_when)', () => {
  it.each([
    { condition: 'halt', status: 429, code: 'model_error', says: 'halt_when' },
    { condition: 'halt', status: 401, code: 'model_rejected', says: 'halt_when' },
    { condition: 'drop', status: 500, code: 'model_rejected', says: 'drop_when' },
    { condition: 'retry', status: 200, code: 'model_error', says: 'backoff_when' },
    { condition: 'retry', status: 400, code: 'model_error', says: 'backoff_when' },
  ] as const)(
    'takes precedence over the verdict of the status: $condition, $status',
    ({ condition, status, code, says }) => {
      expect(judge(answered({ error: 'why' }, { status }), by({ condition }))).toEqual({
        ok: false,
        verdict: condition,
        code,
        message: expect.stringContaining(says),
        reached: true,
        status,
        detail: 'why',
        configured: true,
      })
    },
  )
})

describe('the verdict on an answer with a successful status', () => {
  it('is a success with the JSON of the answer, whatever the JSON is', () => {
    for (const value of [null, 0, '', [], {}, { error: 'of the mapping' }])
      expect(judge(answered(value), by())).toMatchObject({ ok: true, answer: value, status: 200 })
  })

  it.each([
    { what: 'text', text: 'Hello, I am a model', type: 'text/plain', verdict: 'drop' },
    { what: 'an HTML page', text: '<html><title>Log in</title>', type: 'text/html; charset=utf-8', verdict: 'retry' },
    { what: 'an HTML page without a content type', text: ' <!DOCTYPE html><p>', type: '', verdict: 'retry' },
  ] as const)(
    'the verdict is a failure whose message has the type and the beginning of $what',
    ({ text, type, verdict }) => {
      const failure = failureOf(judge(withText(text, type), by()))

      expect(failure).toMatchObject({ verdict, code: 'invalid_model_response', status: 200 })
      expect(failure.message).toContain('is not JSON')
      expect(failure.message).toContain(`begins with ${text.trim()}`)
      expect(failure.message).toContain(type.split(';')[0])
    },
  )

  it.each([200, 204])('the verdict is a failure if the model answered nothing, with %i', status => {
    expect(judge(answered(undefined, { status, body: { kind: 'empty' } }), by())).toMatchObject({
      verdict: 'drop',
      code: 'invalid_model_response',
      message: `the model answered nothing (${status}, application/json)`,
    })
  })

  it.each(['invalid_model_response', 'result_too_large'] as const)(
    'the verdict on an answer that can’t be read is a failure with the reason, the status and the type: %s',
    code => {
      const body: Body = { kind: 'unusable', code, message: 'a sentence' }

      expect(judge(answered(undefined, { body }), by())).toMatchObject({
        verdict: 'drop',
        code,
        message: 'a sentence (200, application/json)',
      })
    },
  )
})

describe('the error text about a redirect', () => {
  it.each([
    { location: 'https://other.example:8443/v1?key=hunter2', where: 'https://other.example:8443' },
    { location: 'http://models.example/p/', where: 'http://models.example' },
    { location: '//evil.example/x', where: 'https://evil.example' },
    { location: 'http://model.example/v1/predict', where: 'http://model.example' },
    { location: 'https://model.example/v1/predict/', where: 'another path' },
    { location: '/predict/', where: 'another path' },
    { location: 'predict/', where: 'another path' },
    { location: '?key=hunter2', where: 'another path' },
  ])('names only the scheme and the host of $location', ({ location, where }) => {
    const { message, verdict } = failureOf(judge(answered({}, { status: 307, headers: { location } }), by()))

    expect(message).toContain(`the model redirects to ${where} with 307; `)
    expect(message).not.toContain('hunter2')
    expect(verdict).toBe('drop')
  })

  it.each([
    { status: 300, headers: {} },
    { status: 304, headers: {} },
    { status: 307, headers: {} },
    { status: 307, headers: { location: '' } },
    { status: 308, headers: { location: 'http://' } },
    { status: 302, headers: { location: 'mailto:a@b.example' } },
  ])('says that a redirect names no address, with $status and $headers', ({ status, headers }) => {
    const { message } = failureOf(judge(answered({}, { status, headers }), by()))

    expect(message).toContain(`the model redirects with ${status}, but names no address; `)
  })
})

describe('the model’s error text about a failure (`detail`)', () => {
  const detailOf = (value: unknown, status = 400) => failureOf(judge(answered(value, { status }), by())).detail

  it.each([
    { body: { detail: 'bad field "model_input"' }, detail: 'bad field "model_input"' },
    { body: { error: { message: 'no credit', code: 'insufficient_quota' } }, detail: 'no credit (insufficient_quota)' },
    { body: { error: 'Unexpected endpoint' }, detail: 'Unexpected endpoint' },
    { body: { message: 'CUDA out of memory' }, detail: 'CUDA out of memory' },
    {
      body: { detail: [{ loc: ['body', 'x'], msg: 'field required', type: 'missing', input: { prompt: 'p' } }] },
      detail: 'field required (missing)',
    },
    { body: { object: 'error', error: { type: 'overloaded' } }, detail: 'overloaded' },
    { body: 'plain words', detail: 'plain words' },
    { body: { unknown: 1 }, detail: '{"unknown":1}' },
    { body: {}, detail: undefined },
    { body: null, detail: undefined },
  ])('the model’s error text is found in $body', ({ body, detail }) => {
    expect(detailOf(body)).toBe(detail)
  })

  it('the model’s error text may be plain text', () => {
    const answer = judge(withText('CUDA out\n  of memory', 'text/plain', { status: 500 }), by())

    expect(answer).toMatchObject({ detail: 'CUDA out of memory', message: 'the model answered 500 (text/plain)' })
  })

  it('the model’s error text is cut to at most 500 characters, and no character is cut in half', () => {
    const detail = detailOf({ error: '\u{1f600}'.repeat(600) }) ?? ''

    expect(detail.length).toBeLessThanOrEqual(500)
    expect(detail.isWellFormed()).toBe(true)
    expect(detail.endsWith('…')).toBe(true)
  })

  it.each([
    'Incorrect API key provided: sk-proj-abcdef1234567890',
    'invalid header Authorization: Bearer abcdef1234567890',
    'User: arn:aws:sts::123456789012:assumed-role/worker is not authorized',
    'in account 123456789012',
    'credential AKIAABCDEFGHIJKLMNOP',
  ])('the kept error text contains no secret and no identifier of AWS: %s', error => {
    const detail = detailOf({ error }) ?? ''

    expect(detail).toContain('***')
    expect(detail).not.toMatch(/abcdef1234567890|123456789012|assumed-role|ABCDEFGHIJKLMNOP/)
  })

  it('if the status is a success, the error text is only taken from the field `error`, since other parts may be a result', () => {
    expect(judge(withText('a whole result', 'text/plain'), by())).not.toHaveProperty('detail')
    expect(judge(answered({ text: 'a result' }), by({ condition: 'retry' }))).not.toHaveProperty('detail')
    for (const result of ['a result', ['a result'], [{ message: 'a result' }], [['a result']]])
      expect(judge(answered(result), by({ condition: 'retry' }))).not.toHaveProperty('detail')
    expect(judge(withText('a whole result', 'text/html'), by())).not.toHaveProperty('detail')
  })

  it.each([
    { body: { code: 429, message: 'slow', choices: null }, detail: 'slow' },
    { body: { code: 500, message: 'broken', data: null }, detail: 'broken' },
    { body: { code: '503', message: 'busy' }, detail: 'busy (503)' },
    { body: { code: 500, message: 'a result', data: [] }, detail: undefined },
    { body: { code: 'E503', message: 'a result' }, detail: undefined },
    { body: { code: [503], message: 'a result' }, detail: undefined },
  ])('if the status is a success, an answer with a code of an error and no result is an error: $body', answer => {
    expect(failureOf(judge(answered(answer.body), by({ condition: 'retry' }))).detail).toBe(answer.detail)
  })

  it('the error text is not passed on if it may be about another user’s request in the same batch', () => {
    const refusal = judge(answered({ error: 'words' }, { status: 400 }), by({ quotes: false }))
    const text = failureOf(judge(withText('words', 'text/plain'), by({ quotes: false })))

    expect(refusal).not.toHaveProperty('detail')
    expect(text.message).not.toContain('words')
  })
})

describe('the verdict on a call without an answer', () => {
  const broken = { kind: 'broken', code: 'model_unreachable', message: 'm', reached: false } as const

  it.each([
    { retry: 'as configured', verdict: { verdict: 'retry' } },
    { retry: 'once', verdict: { verdict: 'retry', once: true } },
    { retry: 'never', verdict: { verdict: 'drop' } },
  ] as const)('is a retry, one single retry or drop, as the transport says: $retry', ({ retry, verdict }) => {
    const answer = judge({ ...broken, retry }, by())

    expect(answer).toEqual({ ok: false, code: 'model_unreachable', message: 'm', reached: false, ...verdict })
  })
})

describe('the verdict on an element of a batch', () => {
  const element = (value: unknown, fields: Partial<Circumstances> = {}) => judgeElement(value, answered({}), by(fields))

  it.each([{ result: 1 }, { result: 1, error: false }, { error: null }, { error: '' }, 'text', null, 7, []])(
    'is a success: %j',
    value => {
      expect(element(value)).toMatchObject({ ok: true, answer: value })
    },
  )

  it.each([
    { value: { error: 'no' }, verdict: 'drop', status: 200 },
    { value: { error: {} }, verdict: 'drop', status: 200 },
    { value: { error: { code: 503 } }, verdict: 'retry', status: 503 },
    { value: { error: { code: '429' } }, verdict: 'retry', status: 429 },
    { value: { error: { status: 400 } }, verdict: 'drop', status: 400 },
    { value: { error: 'busy', status_code: 503 }, verdict: 'retry', status: 503 },
    { value: { error: { code: 7 } }, verdict: 'drop', status: 200 },
    { value: { error: { code: 'rate_limited' } }, verdict: 'drop', status: 200 },
  ])('the verdict on an element is $verdict with the status in its error: $value', ({ value, verdict, status }) => {
    expect(element(value)).toMatchObject({ ok: false, verdict, status, reached: true })
  })

  it('a condition that holds decides the verdict on an element, also on one without an error', () => {
    expect(element({ error: 'no' }, { condition: 'retry' })).toMatchObject({ verdict: 'retry' })
    expect(element({ choices: [] }, { condition: 'retry' })).toMatchObject({ verdict: 'retry' })
  })
})
