import { describe, expect, it } from 'vitest'
import type { HttpResponse } from '../../../../../functions/core/http/response.ts'
import { toView } from '../../../../../functions/core/lifecycle/view-request.ts'
import { backgroundAnswer, endedAnswer, laterAnswer } from '../../../../../functions/core/openai-api/answers.ts'
import { NOW } from '../../../../support/clock.ts'
import { anItem } from '../../../../support/requests.ts'

const wanted = { submission: { body: {} }, stream: false, include_usage: false, encoding: 'float', texts: 1 } as const
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

describe('the OpenAI API: a completed request that is read later', () => {
  const ended = toView(anItem({ status: 'completed', attempt: 1, completed_at: NOW, charge: 7 }))
  const later = (result: unknown) => JSON.parse(laterAnswer({ ...ended, result }, {}).body ?? '')
  const response = (result: unknown) => JSON.parse(backgroundAnswer({ ...ended, result }, {}).body ?? '')
  const texts = { choices: ['one', 'two'].map((text, index) => ({ index, text, finish_reason: 'stop' })) }
  const messages = {
    choices: ['one', 'two'].map((content, index) => ({ index, message: { role: 'assistant', content } })),
  }
  const vectors = [
    [0.5, -1],
    [1, 2],
  ]

  it('is answered as a completion with all choices if the endpoint has answered with the choices of a completion', () => {
    expect(later(texts)).toMatchObject({ object: 'text_completion', model: 'text', choices: texts.choices })
  })

  it('has all choices as a completion even if the model has answered with the choices of a chat', () => {
    const { body = '' } = endedAnswer('completions', { ...ended, result: messages }, wanted, {})
    expect(JSON.parse(body).choices).toMatchObject([{ text: 'one' }, { index: 1, text: 'two' }])
  })

  it('is answered as a chat completion with all choices if the endpoint has answered with the choices of a chat', () => {
    expect(later(messages)).toMatchObject({ object: 'chat.completion', choices: messages.choices })
    const both = messages.choices.map(choice => ({ ...choice, text: 'extra' }))
    expect(later({ choices: both })).toMatchObject({ object: 'chat.completion' })
  })

  it('as a response, it has the choices in their order, and different ids for all calls of tools', () => {
    const call = { function: { name: 'f', arguments: '{}' } }
    const choices = [1, 0].map(index => ({ index, message: { content: `choice ${index}`, tool_calls: [call, call] } }))

    const { output } = response({ choices })

    const texts = output.flatMap(({ content = [] }: { content?: { text: string }[] }) =>
      content.map(({ text }) => text),
    )
    expect(texts).toEqual(['choice 0', 'choice 1'])
    const ids = output.flatMap(({ call_id: id }: { call_id?: string }) => id ?? [])
    expect(ids).toEqual(['call_0', 'call_1', 'call_1_0', 'call_1_1'])
  })

  it.each([
    { data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })), model: 'theirs' },
    { embeddings: vectors },
  ])(
    'is answered as a list of embeddings, with the name of the model in pipeline.yaml, if its result is %j',
    result => {
      expect(later(result)).toMatchObject({
        object: 'list',
        model: 'text',
        data: vectors.map((embedding, index) => ({ index, embedding })),
      })
    },
  )

  it.each([
    [[1, 2]],
    { data: [] },
    { data: [{ text: 'a' }] },
    { text: 'Hi', embedding: [1, 2] },
    { embeddings: ['a'] },
  ])('is answered as a chat completion if its result %j may be of another call than one for embeddings', result => {
    expect(later(result).object).toBe('chat.completion')
  })

  it.each([['completion', texts] as const, ['chat', messages] as const])(
    'is answered as a response with one message per choice of a %s',
    (_, result) => {
      const { output } = response(result)
      expect(output.map(({ content }: { content: object[] }) => content[0])).toMatchObject([
        { text: 'one' },
        { text: 'two' },
      ])
      expect(new Set(output.map(({ id }: { id: string }) => id)).size).toBe(2)
    },
  )

  it('is incomplete as a response if one of the choices has ended at the bound of the output', () => {
    const [first, second] = texts.choices
    expect(response({ choices: [first, { ...second, finish_reason: 'length' }] })).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    })
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

describe('the OpenAI API: a request that failed because of the answer of the model', () => {
  const messageOf = (message: string) => {
    const error = { code: 'model_error', message, detail: '<html>oops</html>' }
    const view = toView(anItem({ status: 'failed', attempt: 1, completed_at: NOW, error }))
    return String(thrownBy(() => endedAnswer('chat.completions', view, wanted, {})))
  }

  it.each(['the model answered 500', "the model's answer is not JSON; it begins with <html>oops</html>"])(
    'is answered with an error that has the words of the model once: %s',
    message => {
      expect(messageOf(message)).toContain(message)
      expect(messageOf(message).split('<html>oops</html>')).toHaveLength(2)
    },
  )
})

describe('the OpenAI API: a response', () => {
  const view = { ...toView(anItem({ status: 'completed', attempt: 1, completed_at: NOW, charge: 7 })), result: 'Hi' }
  const body = {
    instructions: 'Be short.',
    temperature: 0.3,
    max_output_tokens: 50,
    tools: [{ type: 'function', name: 'weather' }],
    text: { verbosity: 'low' },
  }
  const repeated = { ...body, text: { format: { type: 'text' }, verbosity: 'low' } }
  const parsed = (answer: HttpResponse) => JSON.parse(answer.body ?? '')

  it('repeats the fields of its call in the answer to this call, even if the endpoint does not know them', () => {
    const waited = parsed(endedAnswer('responses', view, { ...wanted, submission: { body } }, {}))
    const begun = parsed(backgroundAnswer(view, {}, { ...body, background: true }))

    expect(waited).toMatchObject({ ...repeated, background: false })
    expect(begun).toMatchObject({ ...repeated, background: true })
  })

  it('repeats no fields of over 64 KiB, since the answer could then be too large for Lambda', () => {
    const large = { ...body, instructions: 'x'.repeat(64 * 1024) }

    expect(parsed(endedAnswer('responses', view, { ...wanted, submission: { body: large } }, {}))).toMatchObject({
      instructions: null,
      tools: [],
    })
  })

  it('has the fields that the endpoint itself has repeated', () => {
    const result = { object: 'response', output: [], temperature: 1, background: false }

    expect(
      parsed(endedAnswer('responses', { ...view, result }, { ...wanted, submission: { body } }, {})),
    ).toMatchObject({
      instructions: 'Be short.',
      temperature: 1,
    })
    expect(parsed(backgroundAnswer({ ...view, result }, {}))).toMatchObject({ temperature: 1 })
  })

  it('does not say in a later read whether the client has waited, since Sluice does not store this', () => {
    expect(parsed(backgroundAnswer(view, {}))).toMatchObject({ background: null, instructions: null, tools: [] })
  })
})
