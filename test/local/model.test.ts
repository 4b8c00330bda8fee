import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DemoModel, startModel } from '../../lib/local/model/server.ts'

let model: DemoModel
beforeAll(async () => {
  model = await startModel(0)
})
afterAll(() => model.close())

const TEXT = 'I love the new office in Berlin, opened on 3 March 2025. It cost $20 million. Everybody is happy with it.'

// The fields of an answer that the tests read.
interface Answer {
  error?: string
  result: { summary: string }
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number }
  outputs?: unknown[]
}

async function post(path: string, body: unknown): Promise<{ status: number; body: Answer }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(model.url + path, { method: 'POST', body: text })
  return { status: response.status, body: (await response.json()) as Answer }
}

describe('the demo model: POST /predict', () => {
  it('answers with a summary, and the numbers of tokens that it has read and written', async () => {
    const { status, body } = await post('/predict', { model_input: TEXT, request_id: 'r1' })

    expect(status).toBe(200)
    expect(body.result).toEqual({
      summary: TEXT,
      sentiment: { score: expect.any(Number), label: 'positive' },
      entities: [
        { text: '3 March 2025', type: 'DATE' },
        { text: '$20 million', type: 'MONEY' },
      ],
      keywords: expect.arrayContaining(['office', 'berlin', 'happy']),
    })
    expect(body.usage).toEqual({ prompt_tokens: 26, completion_tokens: 26, total_tokens: 52 })
  })

  it.each([0, 1, 5, 12, 20])('the demo model gives a summary of at most max_tokens tokens: %i', async maxTokens => {
    const { body } = await post('/predict', {
      model_input: TEXT,
      parameters: { max_tokens: maxTokens, temperature: 1 },
    })

    expect(body.usage.completion_tokens).toBeLessThanOrEqual(maxTokens)
    expect(body.usage.total_tokens).toBe(26 + body.usage.completion_tokens)
    expect(body.result.summary === '').toBe(maxTokens === 0)
  })

  it.each([
    ['a word of 4 MB', 'x'.repeat(4_000_000)],
    ['2 MB of sentences', 'I like red cars. '.repeat(120_000)],
    ['white space', ' \n\t'],
    ['words that are properties of every object', 'constructor __proto__ toString'],
    ['text of no words', '😀!?'],
  ])(
    'the demo model accepts %s',
    async (_name, modelInput) => {
      const { status, body } = await post('/predict', { model_input: modelInput })

      expect(status).toBe(200)
      expect(body.usage.total_tokens).toBe(body.usage.prompt_tokens + body.usage.completion_tokens)
    },
    30_000,
  )

  it.each<[string, unknown, string]>([
    ['broken JSON', '{"model_input": ', 'the body is not valid JSON'],
    ['a body that is no object', '[]', 'the body must be an object'],
    ['no input', {}, 'model_input must be a text'],
    ['an empty input', { model_input: '' }, 'model_input must not be empty'],
    [
      'a negative max_tokens',
      { model_input: 'a', parameters: { max_tokens: -5 } },
      'parameters.max_tokens must not be negative',
    ],
  ])('the demo model refuses %s', async (_name, given, error) => {
    expect(await post('/predict', given)).toEqual({ status: 400, body: { error } })
  })

  it('the demo model refuses a body over 8 MiB, and answers the next call', async () => {
    expect(await post('/predict', { model_input: 'x'.repeat(9_000_000) })).toEqual({
      status: 413,
      body: { error: 'the body is over 8 MiB' },
    })
    expect((await post('/predict', { model_input: 'hello' })).status).toBe(200)
  })
})

describe('the demo model: POST /batch_predict', () => {
  it('answers with one output per input in the same order, and with an error in place of the output of a wrong input', async () => {
    const single = await post('/predict', { model_input: TEXT })

    const { status, body } = await post('/batch_predict', {
      inputs: [{ model_input: TEXT }, { model_input: 5 }, { model_input: 'Hi' }],
    })

    expect(status).toBe(200)
    expect(body.outputs).toEqual([
      single.body,
      { error: 'model_input must be a text' },
      expect.objectContaining({ usage: expect.any(Object) }),
    ])
  })

  it('the demo model refuses a batch whose body has no list "inputs"', async () => {
    expect(await post('/batch_predict', { input: [] })).toEqual({
      status: 400,
      body: { error: 'inputs must be a list' },
    })
  })
})

it('the demo model answers its health check, and 404 for other paths', async () => {
  expect((await fetch(`${model.url}/healthz`)).status).toBe(200)
  expect(await post('/nothing', {})).toEqual({ status: 404, body: { error: 'there is no POST /nothing' } })
})

it('the demo model fails to start on a port in use, with the code EADDRINUSE', async () => {
  const { port } = new URL(model.url)

  await expect(startModel(Number(port))).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

it('the demo model does not answer any more after it was closed', async () => {
  const other = await startModel(0)

  await other.close()

  await expect(fetch(`${other.url}/healthz`)).rejects.toThrow('fetch failed')
})
