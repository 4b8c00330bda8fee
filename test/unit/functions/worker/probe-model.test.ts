import { afterEach, describe, expect, it } from 'vitest'
import { httpEndpoint } from '../../../../functions/core/inference/http-endpoint.ts'
import { createJudge } from '../../../../functions/core/inference/judge.ts'
import { createMappings } from '../../../../functions/core/inference/mapping.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { probeModel } from '../../../../functions/worker/probe-model.ts'
import { Probed } from '../../../../functions/worker/probe-report.ts'
import type { Settings } from '../../../../functions/worker/settings.ts'
import { movableClock } from '../../../support/clock.ts'
import { httpAnswer, type RawServer, serveRaw } from '../../../support/raw-server.ts'

const servers: RawServer[] = []
afterEach(() => Promise.all(servers.splice(0).map(server => server.close())))

const RETRY = { attempts: 5, period_ms: 1, max_backoff_ms: 1, backoff_on: [429, 503], drop_on: [400, 404] }
const KEY = 'sk-very-secret-key'

interface Options {
  readonly answer?: Uint8Array
  readonly settings?: Partial<Pick<Settings, 'request' | 'response' | 'batched'>>
  readonly body?: Record<string, unknown>
  readonly secret?: () => Promise<string>
}

/** Runs `models probe` on a model that gives this answer. */
async function probe({ answer = httpAnswer(200, '{}'), settings = {}, body = { prompt: 'hi' }, secret }: Options) {
  const seen: string[] = []
  const server = await serveRaw(async connection => {
    seen.push(await connection.request())
    connection.say(answer)
  })
  servers.push(server)
  const { clock } = movableClock()
  const endpoint = {
    url: `${server.origin}/predict?api-version=2&api-key=hunter2`,
    timeout_ms: 5_000,
    headers: { 'X-Team': 'search', 'X-Api-Token': 'hunter2' },
    auth: { header: 'Authorization', prefix: 'Bearer ', secret: 'NAME' },
  }
  const all = {
    request: '{ "input": prompt }',
    response: '{ "result": result, "usage": usage }',
    batched: false,
    ...settings,
  }
  const ports = {
    mappings: createMappings(all),
    endpoint: httpEndpoint(endpoint, secret ?? (async () => KEY), { clock }),
    judge: createJudge({ retry: RETRY, has_secret: true }, clock),
    clock,
    settings: { batched: all.batched, endpoint },
  }
  const probed = await probeModel(ports, { probe: { body, request_id: 'r1' } })
  // Each result of this test can be sent as JSON without a change, and contains no secret.
  expect(Probed.parse(JSON.parse(JSON.stringify(probed)))).toEqual(JSON.parse(JSON.stringify(probed)))
  expect(JSON.stringify(probed)).not.toMatch(/hunter2|very-secret/)
  return { probed, seen }
}

describe('probeModel', () => {
  it('shows the sent request, the answer and the charge', async () => {
    const answer = '{"result":{"text":"hello"},"usage":{"prompt_tokens":2,"completion_tokens":3}}'

    const { probed, seen } = await probe({ answer: httpAnswer(200, answer) })

    expect(seen).toHaveLength(1)
    expect(seen[0]).toContain(`authorization: Bearer ${KEY}`.replace('authorization', 'Authorization'))
    expect(seen[0]).toContain('idempotency-key: r1')
    expect(probed).toEqual({
      to: {
        url: expect.stringMatching(/\/predict\?api-version=2&api-key=\*\*\*$/),
        headers: { 'X-Team': 'search', 'X-Api-Token': '***', Authorization: 'Bearer ***' },
      },
      sent: { input: 'hi' },
      took_ms: 0,
      came: {
        status: 200,
        content_type: 'application/json',
        headers: expect.objectContaining({ 'content-type': 'application/json' }),
        body: answer,
        fields: ['result.text', 'usage.prompt_tokens', 'usage.completion_tokens'],
      },
      result: { text: 'hello' },
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
      charged: { requests: 1, tokens: 5 },
    })
  })

  it('if the model reports no tokens, shows no number for the charge, since the estimate is charged, or a minimum if the request limits its output', async () => {
    const answer = httpAnswer(200, '{"result":"hello"}')

    expect((await probe({ answer })).probed.charged).toEqual({ requests: 1 })
    expect((await probe({ answer, body: { prompt: 'hello', parameters: { max_tokens: 5 } } })).probed.charged).toEqual({
      requests: 1,
      at_least: 4,
    })
  })

  it('sends a batch of one request to a model that takes batches', async () => {
    const { probed, seen } = await probe({
      answer: httpAnswer(200, '{"outputs":[{"result":1}]}'),
      settings: { batched: true },
    })

    expect(probed).toMatchObject({ sent: { inputs: [{ input: 'hi' }] }, result: 1 })
    expect(seen[0]).not.toContain('idempotency-key')
  })

  it.each([
    {
      what: 'a model that refuses the key, and quotes it',
      answer: httpAnswer(401, `{"error":"bad key ${KEY}"}`),
      failure: { verdict: 'halt', code: 'model_rejected', status: 401, detail: 'bad key ***' },
      charged: { requests: 0, tokens: 0 },
    },
    {
      what: 'an answer without a result',
      answer: httpAnswer(200, '{"choices":[{"text":"hi"}]}'),
      failure: { verdict: 'drop', code: 'invalid_model_response' },
      charged: { requests: 1, tokens: 0 },
    },
    {
      what: 'an HTML page',
      answer: httpAnswer(200, '<!doctype html>', ['Content-Type: text/html']),
      failure: { verdict: 'retry', code: 'invalid_model_response' },
      charged: { requests: 1, tokens: 0 },
    },
  ])('shows the verdict on $what', async ({ answer, failure, charged }) => {
    const { probed } = await probe({ answer })

    expect(probed).toMatchObject({ failure, charged })
    expect(probed.came?.body).not.toBe('')
  })

  it('makes no call, and shows why, if the request mapping fails or the secret can’t be read', async () => {
    const unmapped = await probe({ settings: { request: '{ "input": $error("no") }' } })
    const locked = await probe({ secret: () => Promise.reject(new Unavailable('the secret', 'down')) })

    expect(unmapped.probed).toMatchObject({ failure: { code: 'mapping_failed', reached: false } })
    expect(unmapped.probed).not.toHaveProperty('charged')
    expect(locked.probed).toMatchObject({ failure: { code: 'unavailable', reached: false } })
    expect([...unmapped.seen, ...locked.seen]).toEqual([])
  })
})
