import { describe, expect, it } from 'vitest'
import { DOCUMENTED_ANSWERS } from '../../../../lib/config/providers/answers/index.ts'
import { PROFILES, PROVIDERS, type Provider } from '../../../../lib/config/providers/index.ts'
import { callerOf } from '../../../support/provider.ts'
import { useQuirkServer } from '../../../support/quirk-server.ts'

// A test server sends the answers that each provider documents. The answers pass the same code as in a worker: the HTTP
// endpoint, the verdict and the response mapping.

const server = useQuirkServer()

/** Calls the test server without `auth`. With a secret, a 401 would halt the model, whatever the profile says. */
const callerHere = (provider: Provider) => callerOf(provider, { url: server().url }, { model: 'm' })

describe.each(PROVIDERS)('the profile %s', provider => {
  const answers = DOCUMENTED_ANSWERS[provider]
  const failures = answers.filter(({ means }) => means !== 'result')

  it('the profile has documented answers for a result and for each verdict: retry, drop, and halt if the profile can halt the model', () => {
    const halts = PROFILES[provider].retry.halt_when === undefined ? [] : ['halt']
    expect(new Set(answers.map(({ means }) => means))).toEqual(new Set(['result', 'retry', 'drop', ...halts]))
  })

  it.each(answers.flatMap(answer => (answer.gives ? [{ ...answer, gives: answer.gives }] : [])))(
    'the profile reads the result and the usage of $what',
    async ({ gives: { result, usage }, ...answer }) => {
      server().answerWith(answer)
      const caller = callerHere(provider)

      const judged = await caller.call({ prompt: 'Hello' })

      expect(judged).toMatchObject({ ok: true })
      const read = await caller.read(judged.ok ? judged.answer : undefined)
      expect(read).toMatchObject({ result, isUsageUnreadable: false })
      expect(read.result).toEqual(result)
      if (usage) expect(read.usage).toMatchObject(usage)
      else expect(read.usage).toBeUndefined()
    },
  )

  it.each(failures)('the profile treats $status as $means: $what', async ({ what: _, means, ...answer }) => {
    server().answerWith(answer)

    const judged = await callerHere(provider).call({ prompt: 'Hello' })

    expect(judged).toMatchObject({ ok: false, verdict: means, status: answer.status, reached: true })
  })
})

it('an answer of LM Studio to an unknown path is a failure with its error text, although its status is 200', async () => {
  const error = 'Unexpected endpoint or method. (POST /chat/completions)'
  server().answerWith({ status: 200, body: { error } })

  expect(await callerHere('openai').call({ prompt: 'Hello' })).toMatchObject({ verdict: 'drop', detail: error })
})

it.each([
  { body: { object: 'error', message: 'The model `m` does not exist.', code: 404 }, verdict: 'drop' },
  { body: { object: 'error', message: 'The engine is dead.', code: null }, verdict: 'retry' },
  { body: { message: 'Model is overloaded', code: 503 }, verdict: 'retry' },
  { body: { message: 'Model is overloaded', code: '503' }, verdict: 'retry' },
  { body: { message: 'Input is too long', code: '400' }, verdict: 'drop' },
  { body: { message: 'No credit', code: '402' }, verdict: 'halt' },
  { body: { message: 'slow', code: 429, choices: null }, verdict: 'retry' },
  { body: { message: 'broken', code: 500, data: null, output: null }, verdict: 'retry' },
  { body: { object: 'error', message: 'unknown', code: 404, choices: null }, verdict: 'drop' },
])('an error without the field `error` is a failure with its message, although its status is 200', async answer => {
  const { body, verdict } = answer
  server().answerWith({ status: 200, body })

  expect(await callerHere('openai').call({ prompt: 'Hello' })).toMatchObject({
    verdict,
    detail: expect.stringContaining(body.message),
  })
})

it.each([
  { message: 'Hi' },
  { message: 'Hi', code: 200 },
  { message: 'Hi', code: 1001 },
  { message: 'Hi', code: 'E503' },
  { message: 'Hi', code: 500, choices: [{ message: { content: 'Hi' } }] },
  { message: 'Hi', code: 500, data: [] },
  { message: 'Hi', code: 500, output: [] },
])('an answer with a message is no error if it has no code of an error, or has a result: %j', async body => {
  server().answerWith({ status: 200, body })

  expect(await callerHere('openai').call({ prompt: 'Hello' })).toMatchObject({ ok: true })
})

it.each([
  { message: { role: 'assistant', content: 'he' }, done: false },
  { response: 'he', done: false },
])('one line of a stream of Ollama gives no result, since it is only a part of the answer: %j', async line => {
  await expect(callerHere('ollama').read(line)).rejects.toThrow('gives no result')
})

it('an answer in the form of Ollama without `done` gives a result', async () => {
  expect(await callerHere('ollama').read({ message: { content: 'hello' } })).toMatchObject({
    result: { text: 'hello' },
  })
})
