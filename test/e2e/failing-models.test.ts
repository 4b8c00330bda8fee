import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { answerJson, answerText, type Respond, startTestModel, type TestModel } from './support/model.ts'
import { jsonOfSluice, runSluice } from './support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  const gone = await startTestModel()
  await gone.close()
  system = await startSystem({
    SLUICE_CONFIG: fixture('failing.yaml'),
    MODEL_URL: model.url,
    ABSENT_URL: gone.url,
  })
}, 180_000)
afterAll(async () => {
  await system?.stop()
  await model?.close()
})

const breakOff: Respond = response => void response.destroy()

/** The ways in which a model fails: what it does, its answer, words that must be in the output, and the name of the model in pipeline.yaml. */
const FAILURES: readonly (readonly [name: string, respond: Respond, words: RegExp, of: string])[] = [
  ['answers 400', answerJson({ error: 'unknown field "input"' }, 400), /unknown field/, 'text'],
  ['answers 500 with a text', answerText('CUDA out of memory', 500), /CUDA out of memory/, 'text'],
  ['answers with garbage', answerText('<html>It works!</html>'), /It works!/, 'text'],
  ['answers nothing', breakOff, /connection|broke|ECONNRESET/, 'text'],
  ['is not there', breakOff, /ECONNREFUSED/, 'absent'],
]

describe('failing models', () => {
  test.for(FAILURES)(
    'a failure of a model is shown on the terminal, in the logs and by commands, if the model %s',
    async ([name, respond, words, of]) => {
      const client = await system.newUser()
      const prompt = `a prompt for a model that ${name}`
      model.on(prompt, respond)
      const before = system.output().out.length

      const id = await client.submit({ prompt, model: of })

      await eventually(() => {
        const told = system.output().out.slice(before).split('\n')
        const line = told.find(text => /^\d\d:\d\d:\d\d WARN /.test(text) && text.includes(of) && words.test(text))
        expect(line).toBeDefined()
      })
      expect(
        system
          .functionLogs()
          .split('\n')
          .filter(line => line.includes(id) && words.test(line)),
      ).not.toEqual([])
      expect((await runSluice(system, 'logs', id)).out).toMatch(words)
      await eventually(async () => expect((await runSluice(system, 'requests', 'show', id)).out).toMatch(words))
      expect(await jsonOfSluice(system, 'models', 'list')).toContainEqual(
        expect.objectContaining({
          model: of,
          last_failure: expect.objectContaining({ reason: expect.stringMatching(words) }),
        }),
      )
    },
  )
})
