import { describe, expect, it } from 'vitest'
import { batchBody, callOf } from '../../../../../functions/core/inference/batch.ts'
import { createJudge } from '../../../../../functions/core/inference/judge.ts'
import type { ModelAnswer } from '../../../../../functions/core/inference/port.ts'
import type { Retry } from '../../../../../functions/core/inference/retry.ts'
import { NOW } from '../../../../support/clock.ts'
import { answered, aRetry, failure, replyOf } from '../../../../support/failures.ts'

const judgeOf = (retry: Partial<Retry> = {}, outputs?: string) =>
  createJudge({ retry: aRetry(retry), has_secret: false, outputs }, () => NOW)
const read = (answer: unknown, inputs: number, outputs?: string) => judgeOf({}, outputs).batch(answered(answer), inputs)
const ok = (answer: unknown): Partial<ModelAnswer> => ({ ok: true, answer })

describe('the body of a batch', () => {
  it('has the mapped body of each request, in their order', () => {
    expect(batchBody([{ a: 1 }, null, 'x'])).toEqual({ inputs: [{ a: 1 }, null, 'x'] })
  })
})

describe('the answer to a batch', () => {
  it('has one output per request, in the order of the requests', async () => {
    expect(await read({ outputs: [{ result: 1 }, 'text', null], model: 'x' }, 3)).toMatchObject({
      ok: true,
      outputs: [ok({ result: 1 }), ok('text'), ok(null)],
    })
  })

  it('an output that is an error fails only its own request, without the model’s error text, which may quote another user’s prompt', async () => {
    const outputs = await read({ outputs: [{ error: 'secret words' }, { error: null, result: 1 }] }, 2)

    expect(outputs).toMatchObject({
      ok: true,
      outputs: [{ ok: false, code: 'model_rejected', reached: true }, { ok: true }],
    })
    expect(JSON.stringify(outputs)).not.toContain('secret')
  })

  it('passes the model’s error text on to the user if the batch had only one request', async () => {
    expect(await read({ outputs: [{ error: 'why' }] }, 1)).toMatchObject({ outputs: [{ detail: 'why' }] })
  })

  it.each([
    { what: 'too few outputs', answer: { outputs: [1] } },
    { what: 'too many outputs', answer: { outputs: [1, 2, 3] } },
    { what: 'no outputs', answer: { results: [1, 2] } },
    { what: 'an object for outputs', answer: { outputs: { 0: 1, 1: 2, length: 2 } } },
    { what: 'a bare list', answer: [1, 2] },
    { what: 'null', answer: null },
    { what: 'an error for all', answer: { error: 'secret words' } },
  ])('the answer to a batch is invalid for all requests if it has $what', async ({ answer }) => {
    const outputs = await read(answer, 2)

    expect(outputs).toMatchObject({ ok: false, code: 'invalid_model_response', reached: true })
    expect(JSON.stringify(outputs)).not.toContain('secret')
  })

  it('if the call of a batch fails, all its requests fail', async () => {
    expect(await judgeOf().batch(replyOf(failure({ status: 500 })), 2)).toMatchObject({
      ok: false,
      code: 'model_error',
      verdict: 'retry',
      status: 500,
    })
  })
})

describe('the elements of the answer to a batch', () => {
  it.each([
    { what: 'in another field', outputs: 'predictions', answer: { predictions: ['a', 'b'] } },
    { what: 'by a path', outputs: 'data.text', answer: { data: [{ text: 'a' }, { text: 'b' }] } },
    { what: 'as the whole answer', outputs: '$', answer: ['a', 'b'] },
  ])('are found $what, as the expression batch.outputs says', async ({ outputs, answer }) => {
    expect(await read(answer, 2, outputs)).toMatchObject({ outputs: [ok('a'), ok('b')] })
  })

  it('a single element is found even if the expression gives it without a list', async () => {
    expect(await read({ data: [{ text: 'a' }] }, 1, 'data.text')).toMatchObject({ outputs: [ok('a')] })
  })

  it('the elements are put into the order of their field `index`', async () => {
    const data = [
      { index: 2, t: 'c' },
      { index: 0, t: 'a' },
      { index: 1, t: 'b' },
    ]

    expect(await read({ data }, 3, 'data')).toMatchObject({
      outputs: [ok({ index: 0, t: 'a' }), ok({ index: 1, t: 'b' }), ok({ index: 2, t: 'c' })],
    })
  })

  it.each([
    { what: 'one of them has no index', data: [{ index: 1, t: 'a' }, { t: 'b' }] },
    {
      what: 'two of them have the same index',
      data: [
        { index: 1, t: 'a' },
        { index: 1, t: 'b' },
      ],
    },
  ])('the elements keep the order of the answer if $what', async ({ data }) => {
    expect(await read({ data }, 2, 'data')).toMatchObject({ outputs: data.map(ok) })
  })

  it('the answer is invalid if the expression batch.outputs fails, or does not find one element per request', async () => {
    for (const outputs of ['$number(text)', 'nothing', 'text', 'data'])
      expect(await read({ text: 'x', data: [1] }, 2, outputs)).toMatchObject({ code: 'invalid_model_response' })
  })
})

describe('the conditions halt_when, drop_when and backoff_when of retry', () => {
  const retry = {
    halt_when: 'body.error.code = "insufficient_quota"',
    drop_when: 'status = 500 and $contains(body.error.message, "Context size")',
    backoff_when: '$exists(body.error) or body.choices = [] or headers.`x-busy` = "1"',
  }
  const judge = judgeOf(retry)
  const verdictOf = async (value: unknown, status = 200, headers = {}) => {
    const answer = await judge.call(answered(value, { status, headers }))
    return answer.ok ? 'ok' : answer.verdict
  }

  it.each([
    { value: { error: { code: 'insufficient_quota', message: 'x' } }, status: 429, verdict: 'halt' },
    { value: { error: { message: 'Context size has been exceeded.' } }, status: 500, verdict: 'drop' },
    { value: { error: { message: 'INSUFFICIENT QUOTA: concurrent requests' } }, status: 429, verdict: 'retry' },
    { value: { error: { message: 'Provider returned error', code: 504 } }, status: 200, verdict: 'retry' },
    { value: { choices: [] }, status: 200, verdict: 'retry' },
    { value: { choices: [1] }, status: 200, verdict: 'ok' },
    { value: {}, status: 400, verdict: 'drop' },
    { value: { error: 7 }, status: 400, verdict: 'retry' },
  ])(
    'the conditions are evaluated in the order halt_when, drop_when, backoff_when: $status $value',
    async ({ value, status, verdict }) => {
      expect(await verdictOf(value, status)).toBe(verdict)
    },
  )

  it('a condition can use the headers of the answer', async () => {
    expect(await verdictOf({}, 200, { 'x-busy': '1' })).toBe('retry')
  })

  it('a condition can use the text of an answer that is not JSON', async () => {
    const body = { kind: 'text', text: 'Loading model', why: 'is not JSON' } as const

    expect(await judgeOf({ backoff_when: 'body = "Loading model"' }).call(answered(undefined, { body }))).toMatchObject(
      {
        verdict: 'retry',
      },
    )
  })

  it('a condition counts as false if its evaluation fails', async () => {
    expect(await judgeOf({ drop_when: '$number(body)' }).call(answered('x'))).toMatchObject({ ok: true })
  })

  it('a condition is stopped after 200 ms of computing, and then counts as false', async () => {
    const slow = judgeOf({ drop_when: '$contains(body, /^(\\w+\\s?)+$/)' })

    expect(await slow.call(answered(`${'words '.repeat(20)}!`))).toMatchObject({ ok: true })
  })

  it('all conditions share one time limit of two seconds: a condition that would begin later counts as false', async () => {
    let now = NOW
    // Each reading of the clock is 900 ms later, so the third condition would begin after more than two seconds.
    const clock = () => {
      now += 900
      return now
    }
    const rules = { halt_when: 'false', drop_when: 'false', backoff_when: 'true' }
    const slow = createJudge({ retry: aRetry(rules), has_secret: false }, clock)

    expect(await slow.call(answered({}))).toMatchObject({ ok: true })
    expect(await judgeOf(rules).call(answered({}))).toMatchObject({ verdict: 'retry' })
  })

  it('the conditions are evaluated for each element of a batch separately, and not for the whole answer', async () => {
    const outputs = [{ choices: [] }, { choices: [1] }, { error: { code: 'insufficient_quota' } }, { choices: [2] }]

    expect(await judge.batch(answered({ outputs }), 4)).toMatchObject({
      outputs: [{ verdict: 'retry' }, { ok: true }, { verdict: 'halt' }, { ok: true }],
    })
  })

  it('the conditions are evaluated for the whole answer to a batch if the answer has no elements', async () => {
    expect(await judge.batch(answered({ error: { code: 'insufficient_quota' } }), 2)).toMatchObject({ verdict: 'halt' })
  })
})

describe('the verdict on the call of a batch, for the circuit', () => {
  const retry = failure({ status: 503 })
  const drop = failure({ verdict: 'drop', code: 'model_rejected' })
  const halt = failure({ verdict: 'halt' })
  const good: ModelAnswer = { ok: true, answer: 1 }

  it.each([
    { what: 'a success, if one element is a success', outputs: [retry, good], call: { ok: true } },
    {
      what: 'a success, if one element was refused, since the model works',
      outputs: [retry, drop],
      call: { ok: true },
    },
    { what: 'a failure, if all elements may be tried again', outputs: [retry, retry], call: retry },
    { what: 'a halt, if one element is a halt', outputs: [good, halt, retry], call: halt },
  ])('the verdict on the call of a batch is $what', ({ outputs, call }) => {
    expect(callOf({ ok: true, outputs })).toMatchObject(call)
  })

  it('the verdict on the call of a batch is the call’s own failure, if the whole call failed', () => {
    expect(callOf(retry)).toBe(retry)
  })
})
