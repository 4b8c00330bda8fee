import { describe, expect, it } from 'vitest'
import { batchBody, readOutputs } from '../../../../../functions/core/inference/batch.ts'
import type { ModelAnswer } from '../../../../../functions/core/inference/port.ts'
import { failure as aFailure } from '../../../../support/failures.ts'

const answered = (answer: unknown): ModelAnswer => ({ ok: true, answer })

describe('the body of a batch', () => {
  it('is what each request’s mapping gave, in their order', () => {
    expect(batchBody([{ a: 1 }, null, 'x'])).toEqual({ inputs: [{ a: 1 }, null, 'x'] })
  })
})

describe('the answer to a batch', () => {
  it('is an output for each input, in their order', () => {
    expect(readOutputs(answered({ outputs: [{ result: 1 }, 'text', null], model: 'x' }), 3)).toEqual({
      ok: true,
      outputs: [answered({ result: 1 }), answered('text'), answered(null)],
    })
  })

  it('refuses those with an error, and keeps what the model says of them to itself', () => {
    const outputs = readOutputs(answered({ outputs: [{ error: 'secret words' }, { error: null, result: 1 }] }), 2)

    expect(outputs).toMatchObject({
      ok: true,
      outputs: [{ ok: false, code: 'model_rejected', reached: true }, { ok: true }],
    })
    expect(JSON.stringify(outputs)).not.toContain('secret')
  })

  it.each([
    { what: 'too few outputs', answer: { outputs: [1] } },
    { what: 'too many outputs', answer: { outputs: [1, 2, 3] } },
    { what: 'no outputs', answer: { results: [1, 2] } },
    { what: 'an object for outputs', answer: { outputs: { 0: 1, 1: 2, length: 2 } } },
    { what: 'a bare list', answer: [1, 2] },
    { what: 'null', answer: null },
    { what: 'an error for all', answer: { error: 'secret words' } },
  ])('is invalid for all of them with $what', ({ answer }) => {
    const outputs = readOutputs(answered(answer), 2)

    expect(outputs).toMatchObject({ ok: false, code: 'invalid_model_response', reached: true })
    expect(JSON.stringify(outputs)).not.toContain('secret')
  })

  it('is the failure of the call where that failed', () => {
    const failure = aFailure({ status: 500 })

    expect(readOutputs(failure, 2)).toEqual(failure)
  })
})
