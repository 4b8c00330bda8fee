import { describe, expect, it } from 'vitest'
import { parseOpenAi } from '../../../../../functions/core/openai-api/submission.ts'

const models = {
  text: { passes: false, embeddings: true, names: ['prompt'] },
  chat: { passes: false, embeddings: false, names: ['messages', 'parameters'] },
  tiered: { passes: false, embeddings: false, names: ['prompt', 'service_tier', 'instructions'] },
  gpt: { passes: true, embeddings: true, names: [] },
}
const messages = [{ role: 'user', content: 'Hi' }]

const TEXTS = {
  'chat.completions': { messages },
  completions: { prompt: 'Hi' },
  embeddings: { input: 'Hi' },
  responses: { input: 'Hi' },
}

const refused = (operation: Parameters<typeof parseOpenAi>[0], body: object): unknown => {
  try {
    return parseOpenAi(operation, JSON.stringify(body), models)
  } catch (error) {
    return error
  }
}

const naming = (path: string) => ({ code: 'invalid_request', details: { problems: [{ path }] } })

describe('a body of the OpenAI API', () => {
  it('is refused, with the name of the field, if it has a field that would have no effect', () => {
    expect(refused('chat.completions', { model: 'gpt', messages, background: true })).toMatchObject(
      naming('background'),
    )
    expect(refused('completions', { model: 'text', prompt: ['Once', 'Twice'] })).toMatchObject(naming('prompt'))
    expect(refused('completions', { model: 'text', prompt: [9906, 11] })).toMatchObject(naming('prompt'))
    expect(refused('embeddings', { model: 'text', input: [[9906], [11]] })).toMatchObject(naming('input'))
  })

  it.each([
    ['text', 'chat.completions', { service_tier: 'flex' }],
    ['chat', 'chat.completions', { service_tier: 'flex' }],
    ['gpt', 'completions', { service_tier: 'flex' }],
    ['gpt', 'embeddings', { service_tier: 'flex' }],
    ['gpt', 'embeddings', { stream: true }],
    ['text', 'embeddings', { stream_options: { include_usage: true } }],
    ['gpt', 'chat.completions', { prompt: 'Hi' }],
    ['text', 'chat.completions', { instructions: 'Be short.' }],
    ['text', 'completions', { messages }],
    ['gpt', 'completions', { prompts: ['Hi'] }],
  ] as const)(
    'for the model %s, a body of %s with the further fields %j is refused, since they would have no effect',
    (model, operation, more) => {
      const body = { model, ...TEXTS[operation], ...more }
      expect(refused(operation, body)).toMatchObject({
        ...naming(Object.keys(more)[0] ?? ''),
        details: { is_unsupported: true },
      })
    },
  )

  it.each([
    ['gpt', 'chat.completions', { service_tier: 'flex' }],
    ['gpt', 'responses', { service_tier: 'flex' }],
    ['tiered', 'chat.completions', { service_tier: 'flex', instructions: 'Be short.' }],
    ...['auto', 'default', 'priority'].map(tier => ['text', 'chat.completions', { service_tier: tier }] as const),
    ['gpt', 'embeddings', { stream: false, service_tier: 'priority' }],
    ['gpt', 'chat.completions', { prompt: '' }],
  ] as const)('for the model %s, a body of %s with the further fields %j is accepted', (model, operation, more) => {
    expect(refused(operation, { model, ...TEXTS[operation], ...more })).not.toBeInstanceOf(Error)
  })

  it.each([
    ['tool_calls', [{ id: 'call', type: 'function', function: { name: 'look', arguments: '{}' } }]],
    ['function_call', { name: 'look', arguments: '{}' }],
    ['refusal', 'No.'],
    ['audio', { id: 'audio' }],
  ])(
    'a body is refused if a message has %s and the model has a mapping, which gets only the texts of a chat',
    (name, value) => {
      const said = { role: 'assistant', content: 'Hi', [name]: value }

      expect(refused('chat.completions', { model: 'text', messages: [...messages, said] })).toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining(`messages[1].${name}`),
      })
      expect(refused('chat.completions', { model: 'chat', messages: [...messages, said] })).not.toBeInstanceOf(Error)
    },
  )

  it('a body is refused, with the name of the field, if a part of the field, such as audio, can’t be passed to the model', () => {
    const audio = { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }
    const image = { type: 'input_image', file_id: 'file-1' }
    const chat = { model: 'text', messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, audio] }] }
    expect(refused('chat.completions', chat)).toMatchObject(naming('messages'))
    for (const model of ['text', 'chat']) {
      const response = { model, input: [{ role: 'user', content: [{ type: 'input_text', text: 'a' }, image] }] }
      expect(refused('responses', response)).toMatchObject({
        ...naming('input'),
        message: expect.stringMatching(/^`input` has at input\[0\]\.content\[1\] what is not supported/),
      })
    }
    expect(parseOpenAi('chat.completions', JSON.stringify({ ...chat, model: 'chat' }), models).submission.model).toBe(
      'chat',
    )
  })

  it('a body may have a list of texts as prompt for an endpoint with the OpenAI API, and as input of embeddings for a model with a mapping', () => {
    const prompt = ['Once', 'Twice']
    expect(parseOpenAi('completions', JSON.stringify({ model: 'gpt', prompt }), models).submission.prompt).toBe(
      'Once\n\nTwice',
    )
    expect(parseOpenAi('embeddings', JSON.stringify({ model: 'text', input: prompt }), models).texts).toBe(2)
  })

  it('a body may ask for a response in the background with `background: true`', () => {
    const body = { model: 'gpt', input: 'Hi' }
    expect(parseOpenAi('responses', JSON.stringify({ ...body, background: true }), models).background).toBe(true)
    expect(parseOpenAi('responses', JSON.stringify(body), models).background).toBe(false)
  })

  it.each([
    ['chat.completions', { messages: [] }, '`messages` must have at least one message'],
    ['chat.completions', { messages: [{ role: 'nobody' }] }, /^`messages\[0\]\.role` must be one of system, /],
    ['chat.completions', { messages: [{ content: 'Hi' }] }, /^`messages\[0\]\.role` is missing; it must be one of /],
    ['responses', { input: [] }, '`input` must have at least one item'],
    ['responses', {}, '`input` is missing; it must be a text or a list of items'],
    ['completions', {}, '`prompt` is missing; it must be a text that is not empty, or a list of such texts'],
    ['embeddings', {}, '`input` is missing; it must be a text that is not empty, or a list of such texts'],
    ['embeddings', { input: 'a', dimensions: 0 }, '`dimensions` must be more than 0'],
    ['embeddings', { input: ['a', ''] }, '`input[1]` must not be empty'],
    ['embeddings', { input: [] }, '`input` must be a text that is not empty, or a list of such texts'],
  ] as const)('of %s is refused with a sentence about the wrong place if it is %j', (operation, body, message) => {
    const sentence = typeof message === 'string' ? message : expect.stringMatching(message)
    expect(refused(operation, { model: 'gpt', ...body })).toMatchObject({ message: sentence })
  })
})
