import { describe, expect, it } from 'vitest'
import type { HttpResponse } from '../../../../../functions/core/http/response.ts'
import { toView } from '../../../../../functions/core/lifecycle/view-request.ts'
import { backgroundAnswer, endedAnswer } from '../../../../../functions/core/openai-api/answers.ts'
import { NOW } from '../../../../support/clock.ts'
import { anItem } from '../../../../support/requests.ts'

const wanted = { stream: false, include_usage: false, encoding: 'float', texts: 1 } as const
const thrownBy = (answer: () => HttpResponse): unknown => {
  try {
    return answer()
  } catch (error) {
    return error
  }
}

describe('the OpenAI API: a completed request', () => {
  const completed = toView(anItem({ status: 'completed', attempt: 1, completed_at: NOW, charge: 7 }))

  it.each(['chat.completions', 'completions', 'responses', 'embeddings'] as const)(
    'is answered with the error result_expired, and not with an empty answer of %s, if the retention has deleted its result',
    operation => {
      expect(thrownBy(() => endedAnswer(operation, completed, wanted, {}))).toMatchObject({
        code: 'result_expired',
        details: { request_id: completed.request_id },
      })
    },
  )

  it('GET /v1/responses/{id} answers a completed request with the error result_expired, too, if the retention has deleted its result', () => {
    expect(thrownBy(() => backgroundAnswer(completed, {}))).toMatchObject({ code: 'result_expired' })
  })

  it('a completed request has the text "null" as its answer if the response mapping gives null', () => {
    const { body = '' } = endedAnswer('chat.completions', { ...completed, result: null }, wanted, {})
    expect(JSON.parse(body).choices).toMatchObject([{ message: { content: 'null' } }])
  })
})

describe('the OpenAI API: a request that failed because of a field that the endpoint does not support', () => {
  it('is answered with an invalid_request error that names the field', () => {
    const message = '`input` is not supported: the endpoint has chat.completions and not responses'
    const error = { code: 'unsupported_parameter', message }
    const view = toView(anItem({ status: 'failed', attempt: 1, completed_at: NOW, error }))

    expect(thrownBy(() => endedAnswer('responses', view, wanted, {}))).toMatchObject({
      code: 'invalid_request',
      message,
      details: { is_unsupported: true, problems: [{ path: 'input' }], request_id: view.request_id },
    })
  })
})
