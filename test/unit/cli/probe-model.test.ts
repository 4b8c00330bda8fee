import { describe, expect, it } from 'vitest'
import { type ModelState, UNTOUCHED } from '../../../functions/core/flow-control/state.ts'
import { Unavailable } from '../../../functions/core/platform/unavailable.ts'
import type { Probed } from '../../../functions/worker/probe-report.ts'
import { adviceOn } from '../../../lib/cli/operations/probe-advice.ts'
import { probeModel } from '../../../lib/cli/operations/probe-model.ts'
import { probeText } from '../../../lib/cli/probe-text.ts'
import { Refusal } from '../../../lib/cli/refusal.ts'

const TO = { url: 'https://m.example.com/predict', headers: { Authorization: 'Bearer ***' } }
const came = (status: number, body: string, fields: string[] = []) => ({
  status,
  content_type: 'application/json',
  headers: {},
  body,
  fields,
})
const failed = (code: string, more: object = {}): Probed['failure'] => ({
  verdict: 'drop',
  code,
  message: 'the model failed',
  reached: true,
  ...more,
})
const fake = (answer: Probed, events: unknown[] = [], state: Partial<ModelState> = {}) => ({
  models: { text: { circuit: { failures: 5, within_ms: 60_000, open_ms: 30_000 } } },
  modelStates: { read: async () => ({ ...UNTOUCHED, ...state }) },
  ids: { request: () => 'r1', nonce: () => 'n1' },
  clock: () => 0,
  invokeWorker: async (model: string, event: unknown) => {
    events.push({ model, event })
    return answer
  },
})

describe('models probe', () => {
  it('`models probe` makes the worker call its model, and shows the result', async () => {
    const events: unknown[] = []
    const answer: Probed = {
      to: TO,
      sent: { input: 'hi' },
      took_ms: 7,
      came: came(200, '{"result":"hello"}', ['result']),
      result: 'hello',
      charged: { requests: 1, at_least: 4 },
    }

    const probe = await probeModel(fake(answer, events), 'text', { prompt: 'hi' })

    const body = { prompt: 'hi', priority: 'normal' }
    expect(events).toEqual([{ model: 'text', event: { probe: { body, request_id: 'r1' } } }])
    expect(probe).toMatchObject({ model: 'text', verdict: 'ok', result: 'hello' })
    expect(probeText(probe)).toEqual([
      'sent: POST https://m.example.com/predict',
      '  Authorization: Bearer ***',
      '  {"input":"hi"}',
      'came after 7 ms: 200, application/json',
      '  {"result":"hello"}',
      'verdict: ok, the request would be completed',
      'result: "hello"',
      'a request of text would be charged: 1 request, its estimate, but at least 4 tokens',
      'models.text.response gives no usage, so the estimate is charged. Map it as "usage" if the answer has it.',
    ])
  })

  it.each([
    [{ x: 1 }, 'POST /v1/inference would refuse this body: `prompt` is missing'],
    [{ prompt: 'a', max_tokens: -1 }, 'POST /v1/inference would refuse this body: `max_tokens` must be an integer'],
    [{ prompt: 'a', model: 'fail' }, 'the body names the model fail, but the command probes text: name the same model'],
  ])('`models probe` refuses the body %j, and does not call the model', async (body, sentence) => {
    const events: unknown[] = []

    await expect(probeModel(fake({ to: TO }, events), 'text', body)).rejects.toThrow(sentence)
    expect(events).toEqual([])
  })

  it('`models probe` accepts a body that names the same model', async () => {
    expect(await probeModel(fake({ to: TO }), 'text', { prompt: 'a', model: 'text' })).toMatchObject({ verdict: 'ok' })
  })

  const Halted = { since: 0, until: 1, times: 1, reason: 'wrong key', code: 'model_rejected' } as const
  it.each<[string, Partial<ModelState>]>([
    ['is still halted', { halted: Halted }],
    ['still has an open circuit', { open: { until: 1, times: 1 } }],
    ['is still paused', { paused_until: 1 }],
  ])('`models probe` says after a right answer that the model %s, and how to go on: %j', async (what, state) => {
    const probe = await probeModel(fake({ to: TO, result: 'x', usage: {} }, [], state), 'text')

    expect(probeText(probe).at(-1)).toBe(
      `text ${what}: models probe changes no state. \`models reset text\` lets requests call the model again.`,
    )
  })

  it('`models probe` says nothing about a half-open circuit, since the next request tests the model by itself', async () => {
    const probe = await probeModel(
      fake({ to: TO, result: 'x', usage: {} }, [], { open: { until: 0, times: 1 } }),
      'text',
    )

    expect(probe).not.toHaveProperty('held_by')
  })

  it('`models probe` says nothing about the state after a wrong answer, since the model is not back', async () => {
    const probe = await probeModel(fake({ to: TO, failure: failed('model_timeout') }, [], { halted: Halted }), 'text')

    expect(probe).not.toHaveProperty('held_by')
  })

  it('`models probe` shows the answer even if the state of the model can’t be read', async () => {
    const modelStates = { read: () => Promise.reject(new Unavailable('a table', '')) }

    expect(await probeModel({ ...fake({ to: TO }), modelStates }, 'text')).toMatchObject({ verdict: 'ok' })
  })

  it('`models probe` refuses a model that does not exist', async () => {
    await expect(probeModel(fake({ to: TO }), 'txt')).rejects.toThrow(
      new Refusal('there is no model txt: the models are text'),
    )
  })
})

describe('the advice of models probe', () => {
  it.each([
    [failed('mapping_failed'), undefined, 'models.text.request makes no body'],
    [
      failed('model_unreachable', { reached: false }),
      undefined,
      'models.text.endpoint.url: no server takes connections',
    ],
    [failed('model_timeout'), undefined, 'models.text.endpoint.timeout is shorter'],
    [
      failed('model_rejected', { status: 401 }),
      came(401, '{}'),
      'models.text.endpoint.auth: the server refuses the secret',
    ],
    [failed('model_rejected', { status: 404 }), came(404, ''), 'models.text.endpoint.url: the server has nothing'],
    [failed('model_rejected', { status: 307 }), came(307, ''), 'models.text.endpoint.url: use the address'],
    [failed('model_rejected', { status: 422 }), came(422, ''), 'models.text.request: the server does not understand'],
    [failed('model_error', { status: 500 }), came(500, ''), 'models.text.retry says what happens'],
    [
      failed('invalid_model_response', { status: 200 }),
      came(200, 'data: {}'),
      'models.text.request: add "stream": false',
    ],
    [failed('invalid_model_response', { status: 202 }), came(202, '{}'), 'must be an endpoint that answers'],
    [
      failed('invalid_model_response', { status: 200 }),
      came(200, '{}', ['choices[0].text']),
      'models.text.response finds no result in the answer (it has choices[0].text). Map one of them as "result".',
    ],
  ])('the advice names the setting to change for the failure %j', (failure, answer, advice) => {
    const [first, ...others] = adviceOn('text', { to: TO, failure, came: answer })

    expect(first).toContain(advice)
    expect(others).toEqual([])
  })

  it('the advice names the fields of the answer that may be the usage, if the mapping reads no usage', () => {
    const answer = came(200, '{}', ['text', 'meta.input_tokens'])

    expect(adviceOn('text', { to: TO, came: answer, result: 'x' })[0]).toContain('(it has meta.input_tokens)')
    expect(adviceOn('text', { to: TO, came: answer, result: 'x', usage: {} })).toEqual([])
  })
})
