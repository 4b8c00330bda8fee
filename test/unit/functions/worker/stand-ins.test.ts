import { describe, expect, it } from 'vitest'
import type { ModelAnswer } from '../../../../functions/core/inference/port.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { createPassOn } from '../../../../functions/worker/pass-on.ts'
import { aRetry, failure } from '../../../support/failures.ts'
import { aMessage } from '../../../support/requests.ts'
import { aWorker } from '../../../support/worker.ts'

const urls = {
  'chat.completions': 'https://gpt.example.com/v1/chat/completions',
  completions: 'https://gpt.example.com/v1/completions',
  embeddings: 'https://gpt.example.com/v1/embeddings',
  responses: 'https://gpt.example.com/v1/responses',
}
const LACKING = failure({ verdict: 'drop', code: 'model_rejected', message: 'the model answered 404', status: 404 })
const CHAT: ModelAnswer = { ok: true, answer: { choices: [{ message: { role: 'assistant', content: 'hi' } }] } }
const body = { model: 'gpt', input: 'Hi', prompt: 'Hi' }

/**
 * Runs a request of the operation `responses` (OpenAI API) on a worker whose endpoint has only chat completions. The endpoint
 * refuses the first call. `second` answers the second call, which is a chat in place of the response.
 */
async function respond(second: () => ModelAnswer, stored: object = body) {
  let calls = 0
  const worker = aWorker(() => (++calls === 1 ? LACKING : second()), { retry: aRetry({ attempts: 3 }) })
  const ports = { ...worker.ports, passOn: createPassOn({ model: 'gpt-5-mini', urls }) }
  const item = await worker.create()
  await worker.invoke([{ ...aMessage(item, stored), operation: 'responses' }], ports)
  const counted = ports.metrics.add.mock.calls.flatMap(([name, value]) => (name === 'ModelCalls' ? [value] : []))
  return { ...worker, item, counted }
}

describe('a worker: a request of /v1/responses for an endpoint that has only chat completions', () => {
  it('completes with a chat as the second call, and two calls to the model are counted', async () => {
    const { asked, counted, outcomes } = await respond(() => CHAT)

    expect(asked.map(({ body: sent }) => Object.keys(sent as object))).toEqual([
      expect.arrayContaining(['input']),
      expect.arrayContaining(['messages']),
    ])
    expect(counted.reduce((sum, value) => sum + value, 0)).toBe(2)
    expect(outcomes()).toMatchObject([{ status: 'completed' }])
  })

  it('a request is retried later if the second call could not be made, and only the first call is counted', async () => {
    const { counted, deferred, item, outcomes, stored } = await respond(() => {
      throw new Unavailable('the secret', new Error('throttled'))
    })

    expect(counted).toEqual([1])
    expect(outcomes()).toEqual([])
    expect(deferred()).toHaveLength(1)
    expect(await stored(item)).toMatchObject({ status: 'queued', attempt: 1 })
  })

  it('a request fails with an error that names the field if a chat can’t contain a field of the response', async () => {
    const image = { type: 'input_image', file_id: 'file-1' }
    const { asked, outcomes } = await respond(() => CHAT, { ...body, input: [{ role: 'user', content: [image] }] })

    expect(asked).toHaveLength(1)
    const sentence = expect.stringMatching(/^`input` is not supported: .* no place for input\[0\]\.content\[0\]$/)
    expect(outcomes()).toMatchObject([
      { status: 'failed', reached: false, error: { code: 'unsupported_parameter', message: sentence } },
    ])
  })
})
