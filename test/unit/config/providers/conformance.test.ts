import { describe, expect, it } from 'vitest'
import { DOCUMENTED_ANSWERS } from '../../../../lib/config/providers/answers/index.ts'
import { PROFILES, PROVIDERS, type Provider } from '../../../../lib/config/providers/index.ts'
import { callerOf } from '../../../support/provider.ts'
import { useQuirkServer } from '../../../support/quirk-server.ts'

// Each provider’s documented answers come over a socket, and pass the endpoint, the verdict and the response mapping, as in
// a worker.

const server = useQuirkServer()

/** Without `auth`, so no verdict depends on the rule for a 401 with a secret. */
const callerHere = (provider: Provider) => callerOf(provider, { url: server().url }, { model: 'm' })

describe.each(PROVIDERS)('the profile %s', provider => {
  const answers = DOCUMENTED_ANSWERS[provider]
  const failures = answers.filter(({ means }) => means !== 'result')

  it('is tested with results, and with an answer for each verdict', () => {
    const halts = PROFILES[provider].retry.halt_when === undefined ? [] : ['halt']
    expect(new Set(answers.map(({ means }) => means))).toEqual(new Set(['result', 'retry', 'drop', ...halts]))
  })

  it.each(answers.flatMap(answer => (answer.gives ? [{ ...answer, gives: answer.gives }] : [])))(
    'reads $what',
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

  it.each(failures)('treats $status as $means: $what', async ({ what: _, means, ...answer }) => {
    server().answerWith(answer)

    const judged = await callerHere(provider).call({ prompt: 'Hello' })

    expect(judged).toMatchObject({ ok: false, verdict: means, status: answer.status, reached: true })
  })
})

it('the detail of a failure is LM Studio’s sentence, which comes with status 200 for an unknown path', async () => {
  const error = 'Unexpected endpoint or method. (POST /chat/completions)'
  server().answerWith({ status: 200, body: { error } })

  expect(await callerHere('openai').call({ prompt: 'Hello' })).toMatchObject({ verdict: 'drop', detail: error })
})
