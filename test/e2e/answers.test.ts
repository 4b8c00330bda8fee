import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DeadLetterDetails } from '../../lib/cli/operations/dead-letters.ts'
import type { ModelView } from '../../lib/cli/operations/models.ts'
import { keepAliveOf } from '../support/keep-alive.ts'
import { httpAnswer, serveRaw } from '../support/raw-server.ts'
import type { ApiClient } from './support/api-client.ts'
import { eventually } from './support/eventually.ts'
import { judgedAnswers } from './support/judged-answers.ts'
import type { LedgerRow } from './support/ledger.ts'
import { endedRows } from './support/load.ts'
import { type RawModel, type Said, startRawModel } from './support/raw-model.ts'
import { jsonOfSluice } from './support/sluice.ts'
import { signedFor } from './support/stand-ins/signature.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

// Each case number stands for one kind of answer of a model, or for one kind of body of a client. Real models and clients send all these kinds.

const SECRET = 'sk-the-right-one'

let model: RawModel
let system: RunningSystem

beforeAll(async () => {
  model = await startRawModel()
  system = await startSystem({
    SLUICE_CONFIG: fixture('answers.yaml'),
    MODEL_URL: model.server.origin,
    KEYED_KEY: JSON.stringify({ apiKey: SECRET, apiKeyId: 'key-1' }),
  })
})

afterAll(async () => {
  await system?.stop()
  await model?.server.close()
})

const json = (value: unknown, status = 200, headers: readonly string[] = []): Said =>
  httpAnswer(status, JSON.stringify(value), ['Content-Type: application/json', ...headers])
const FINE = json({ result: 'fine' })
const HELLO = json({ choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] })

const modelNamed = async (name: string): Promise<ModelView | undefined> =>
  (await jsonOfSluice<ModelView[]>(system, 'models', 'list')).find(one => one.model === name)

/** Waits longer than `eventually` and checks less often, because these tests start the workers of many models, and checks slow the workers down. */
const soon = <T>(check: () => T | Promise<T>): Promise<T> => eventually(check, { timeout: 90_000, interval: 250 })

const show = async (client: ApiClient, id: string) => (await client.send('GET', `/v1/inference/${id}`)).body
const cancel = async (client: ApiClient, id: string) => (await client.send('DELETE', `/v1/inference/${id}`)).body

const ended = (client: ApiClient, id: string) =>
  soon(async () => {
    const request = await show(client, id)
    expect(request).toHaveProperty('charged')
    return request
  })

describe('answers of a model', () => {
  const mark = (of: string) => `<${of.replaceAll('"', "'")}>`
  const ids = new Map<string, string>()
  let rows: readonly LedgerRow[]
  let client: ApiClient

  beforeAll(async () => {
    const user = await system.newUser()
    client = user
    const left = judgedAnswers.values()
    const poster = async () => {
      for (const { of, says, model: name = 'plain', padding = 0 } of left) {
        model.on(mark(of), ...says)
        ids.set(of, await user.submit({ prompt: mark(of) + 'x'.repeat(padding), model: name }))
      }
    }
    await Promise.all(Array.from({ length: 4 }, poster))
    rows = await endedRows(system, user)
  })

  test.for(judgedAnswers)(
    'an answer of a model is judged as documented: case $of',
    async ({ of, calls = 1, result, usage, error }) => {
      const id = ids.get(of) ?? ''
      const request = await show(client, id)

      const status = error === undefined ? 'completed' : 'failed'
      const reported = (usage as { total_tokens?: number } | undefined)?.total_tokens
      const unreported = error === undefined ? Number(request.estimated_tokens) : 0
      expect(request).toMatchObject({
        status,
        attempts: calls,
        charged: { requests: 1, tokens: reported ?? unreported },
      })
      expect({ result: request.result, usage: request.usage, error: request.error }).toEqual({ result, usage, error })
      expect(model.calls(mark(of))).toHaveLength(calls)
      expect(rows.find(row => row.request_id === id)).toMatchObject({ status, attempts: calls, result: result ?? null })
    },
  )

  test('an answer with an unreadable usage is counted in the metric UnreadableUsage (case 2)', () => {
    const ofMetric = [...system.functionLogs().matchAll(/"UnreadableUsage":\[?([\d,]+)/g)]
    const counted = ofMetric.flatMap(([, values = '']) => values.split(',')).reduce((sum, n) => sum + Number(n), 0)
    // The five answers with an unreadable usage of case 2, and the answer of case 1, whose counts are null.
    expect(counted).toBe(6)
  })

  test('an answer with an error and the status 200 counts as a failure for the circuit (case 9)', async () => {
    expect((await modelNamed('told'))?.circuit.failures).toBeGreaterThan(0)
  })

  test('the text of an error answer is in the dead letter, and in the log line about the end of the request (case 36)', async () => {
    const id = ids.get('36: a 400 whose text names a field') ?? ''
    const detail = 'bad field "model_input"'

    expect(await jsonOfSluice<DeadLetterDetails>(system, 'dead-letters', 'show', id)).toMatchObject({
      request_id: id,
      reason: 'model_rejected',
      error: { status: 400, detail },
    })
    const lines = system.functionLogs().split('\n')
    expect(lines.filter(line => line.includes(id) && line.includes(JSON.stringify(detail).slice(1, -1)))).not.toEqual(
      [],
    )
  })
})

describe.concurrent('an answer that delays or stops calls:', () => {
  test('case 18: a Retry-After with a fraction is rounded up, and the longest of two Retry-After headers counts', async () => {
    const client = await system.newUser()
    model.on('<18a>', json({}, 429, ['Retry-After: 1.5']), FINE)
    model.on('<18b>', json({}, 429, ['Retry-After: 1', 'Retry-After: 3']), FINE)

    for (const { mark, pause } of [
      { mark: '<18a>', pause: 2_000 },
      { mark: '<18b>', pause: 3_000 },
    ]) {
      const request = await ended(client, await client.submit({ prompt: mark, model: 'pausing' }))
      const [first, second, ...more] = model.calls(mark)

      expect(request).toMatchObject({ status: 'completed', attempts: 2 })
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(pause)
      expect(more).toEqual([])
    }
  })

  // This test does not wait for twelve hours. test/unit/functions/worker/model-not-requests.test.ts tests the probes in this time, with a test clock.
  test('case 19: a Retry-After of twelve hours stops all calls except a few probes', async () => {
    const client = await system.newUser()
    model.on('<19>', json({}, 429, ['Retry-After: 43200']))
    const id = await client.submit({ prompt: '<19>', model: 'quiet' })

    const view = await soon(async () => {
      const now = await modelNamed('quiet')
      expect(now?.paused_until).toBeDefined()
      return now
    })

    const [call] = model.calls('<19>')
    const pausedFor = Date.parse(view?.paused_until ?? '') - (call?.at ?? 0)
    expect(pausedFor).toBeGreaterThanOrEqual(43_200_000)
    expect(Date.parse(view?.tried_at ?? '') - (call?.at ?? 0)).toBeLessThan(pausedFor)
    await soon(async () => expect(await show(client, id)).toMatchObject({ status: 'queued', attempts: 1 }))
    const later = await client.submit({ prompt: '<19>', model: 'quiet' })
    await soon(() => expect(system.functionLogs()).toContain('"DeferredByPause":'))
    expect(await cancel(client, later)).toMatchObject({ attempts: 0, charged: { requests: 0, tokens: 0 } })
    expect(model.calls('<19>')).toHaveLength(1)
  })

  test('case 20: an error code for an account without credit halts the model, and no request is charged or loses an attempt', async () => {
    const client = await system.newUser()
    const error = { code: 'insufficient_quota', message: 'You exceeded your current quota', type: 'insufficient_quota' }
    model.on('<20>', json({ error }, 429))
    const ids = [await client.submit({ prompt: '<20>', model: 'unpaid' })]

    await soon(async () => {
      expect((await modelNamed('unpaid'))?.halted).toMatchObject({
        status: 429,
        reason: expect.stringContaining('insufficient_quota'),
        times: 1,
      })
    })
    ids.push(await client.submit({ prompt: '<20>', model: 'unpaid' }))

    await soon(() => expect(system.functionLogs()).toContain('"DeferredByHalt":'))
    for (const id of ids) {
      await soon(async () => expect(await show(client, id)).toMatchObject({ status: 'queued', attempts: 0 }))
      expect(await cancel(client, id)).toMatchObject({
        status: 'cancelled',
        attempts: 0,
        charged: { requests: 0, tokens: 0 },
      })
    }
    expect(model.calls('<20>')).toHaveLength(1)
  })

  // test/e2e/halts.test.ts tests this with 200 requests per user. test/unit/functions/worker/model-not-requests.test.ts tests an outage for all users.
  test("case 21: one user's requests that always fail open the circuit for this user only", async () => {
    const [poisonous, other] = [await system.newUser(), await system.newUser()]
    model.on('<21 poison>', json({ error: 'Context size has been exceeded.' }, 500))
    model.on('<21 fine>', FINE)
    const poison = Array.from({ length: 5 }, () => poisonous.submit({ prompt: '<21 poison>', model: 'guarded' }))
    await Promise.all(poison)
    await soon(async () => {
      expect((await modelNamed('guarded'))?.circuit).toMatchObject({ state: 'open', open_for_users: 1 })
    })

    const request = await ended(other, await other.submit({ prompt: '<21 fine>', model: 'guarded' }))

    expect(request).toMatchObject({ status: 'completed', attempts: 1 })
  })

  // test/unit/functions/worker/model-not-requests.test.ts tests a model that loads for six minutes, with a test clock.
  test('case 22: a model that is loading gets probes, and no request spends an attempt', async () => {
    const client = await system.newUser()
    const loading = json({ error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }, 503)
    model.on('<22>', loading)

    const ids = await Promise.all(Array.from({ length: 5 }, () => client.submit({ prompt: '<22>', model: 'loading' })))
    // The setting `retry` of this model allows one attempt per request. So a second call shows that the probes spend no attempt.
    await soon(() => expect(model.calls('<22>').length).toBeGreaterThan(1))
    model.on('<22>', HELLO)

    for (const id of ids) expect(await ended(client, id)).toMatchObject({ status: 'completed', attempts: 1 })
  })

  test('case 27: a redirect is not followed, and the error names its target without path and query', async () => {
    const elsewhere = await serveRaw(() => undefined)
    const client = await system.newUser()
    model.on('<27>', json({}, 307, [`Location: ${elsewhere.origin}/predict?key=hunter2`]))

    const request = await ended(client, await client.submit({ prompt: '<27>' }))

    expect(request).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'model_rejected', status: 307 } })
    expect(JSON.stringify(request.error)).toContain(`redirects to ${elsewhere.origin} with 307`)
    expect(JSON.stringify(request.error)).not.toContain('hunter2')
    expect(model.calls('<27>')).toHaveLength(1)
    expect(elsewhere.connections).toEqual([])
    await elsewhere.close()
  })

  // Linux lists the keep-alive timer of each socket. test/unit/functions/core/inference/transport.test.ts tests TLS and other operating systems.
  test.runIf(process.platform === 'linux')(
    'case 28: TCP keep-alive checks every 60 s whether the connection to a silent model is alive',
    async () => {
      const client = await system.newUser()
      let isAsked = false
      model.on('<28>', async ({ socket, say }) => {
        for (let looks = 0; looks < 50 && !isAsked; looks++) {
          isAsked = keepAliveOf(socket.remotePort)
          if (!isAsked) await setTimeout(100)
        }
        say(httpAnswer(200, '{"result":"fine"}'))
      })

      expect(await ended(client, await client.submit({ prompt: '<28>' }))).toMatchObject({ result: 'fine' })
      expect(isAsked).toBe(true)
    },
  )
})

describe.concurrent('an answer to a batch:', () => {
  interface Batch {
    readonly inputs: readonly { readonly input: string }[]
  }
  const inputsOf = (body: string) => (JSON.parse(body) as Batch).inputs.map(({ input }) => input)
  const ofBatch =
    (answerTo: (inputs: readonly string[]) => unknown): Said =>
    ({ say }, { body }) =>
      say(httpAnswer(200, JSON.stringify(answerTo(inputsOf(body)))))
  const submitAll = (client: ApiClient, name: string, prompts: readonly string[]) =>
    Promise.all(prompts.map(prompt => client.submit({ prompt, model: name })))

  test('case 23: `error: false` in an element is no error, and only the element with a 503 is retried', async () => {
    const client = await system.newUser()
    const seen: string[] = []
    const outputOf = (input: string) => {
      const isFirst = !seen.includes(input)
      seen.push(input)
      return input.includes('busy') && isFirst ? { error: { code: 503 } } : { result: input, error: false }
    }
    model.on(
      '<23>',
      ofBatch(inputs => ({ outputs: inputs.map(outputOf) })),
    )
    const prompts = ['<23> one', '<23> busy', '<23> two']

    const ids = await submitAll(client, 'batched', prompts)

    const requests = await Promise.all(ids.map(id => ended(client, id)))
    expect(requests).toMatchObject([
      { status: 'completed', result: prompts[0], attempts: 1 },
      { status: 'completed', result: prompts[1], attempts: 2 },
      { status: 'completed', result: prompts[2], attempts: 1 },
    ])
    expect(seen.toSorted()).toEqual([...prompts, '<23> busy'].toSorted())
  })

  test('case 23: batch.outputs finds the elements of the answer, and their index puts them into the order of the requests', async () => {
    const client = await system.newUser()
    const reversed = (inputs: readonly string[]) =>
      inputs.map((input, index) => ({ index, embedding: input })).toReversed()
    model.on(
      '<23 data>',
      ofBatch(inputs => ({ data: reversed(inputs) })),
    )
    const prompts = Array.from({ length: 6 }, (_, i) => `<23 data> ${i}`)

    const ids = await submitAll(client, 'indexed', prompts)

    const requests = await Promise.all(ids.map(id => ended(client, id)))
    expect(requests.map(({ result }) => result)).toEqual(prompts)
    expect(model.calls('<23 data>').some(({ body }) => inputsOf(body).length > 1)).toBe(true)
  })
})

describe.concurrent('bodies of clients', () => {
  const post = async (body: string, headers?: Record<string, string>) =>
    (await system.newUser()).send('POST', '/v1/inference', body, headers)

  test('a body is refused if one of its integers would lose digits, and the error names the field (case 7)', async () => {
    expect(await post('{"prompt":"x","parameters":{"seed":18446744073709551615}}')).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_request',
        error: expect.stringMatching(/`parameters\.seed` is an integer beyond 2\^53.*send it as a text/),
      },
    })
  })

  test('a body may contain null for an absent field, and may begin with a byte order mark (case 30)', async () => {
    const client = await system.newUser()
    const nulls =
      '\ufeff{"prompt":"<30>","model":null,"model_type":null,"parameters":null,"priority":null,"metadata":null}'

    const { status, body } = await client.send('POST', '/v1/inference', nulls)

    expect({ status, body }).toMatchObject({ status: 202, body: { model: 'plain', priority: 'normal' } })
    const request = await ended(client, String(body.request_id))
    expect(request).toMatchObject({ status: 'completed' })
    expect(request).not.toHaveProperty('metadata')
  })

  test('a body is the same request under its Idempotency-Key if only the order of its fields differs (case 31)', async () => {
    const client = await system.newUser()
    const key = { 'idempotency-key': 'once' }
    const send = (body: string) => client.send('POST', '/v1/inference', body, key)

    const first = await send('{"prompt":"<31>","parameters":{"a":1,"b":[{"c":2,"d":3}]},"tag":"t"}')
    const again = await send(
      '{ "tag": "t", "parameters": { "b": [ { "d": 3, "c": 2 } ], "a": 1.0 }, "prompt": "<31>" }',
    )
    const other = await send('{"prompt":"<31>","parameters":{"a":1,"b":[{"c":2,"d":4}]},"tag":"t"}')

    expect(first.status).toBe(202)
    expect(again).toMatchObject({ status: 202, body: { request_id: first.body.request_id } })
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } })
    await client.settledQuota()
    expect(await client.quota()).toMatchObject({ requests: { used: 1 } })
  })

  test.for([
    ['4,000 Chinese characters', { prompt: '中'.repeat(4_000) }, 6_000],
    ['max_completion_tokens', { prompt: 'four', max_completion_tokens: 50_000 }, 50_001],
    ['the largest of all bounds', { prompt: 'four', max_tokens: 7, parameters: { max_output_tokens: 50_000 } }, 50_001],
    ['a bound of each of n answers', { prompt: 'four', parameters: { max_tokens: 50, n: 3 } }, 151],
  ] as const)('the estimate of a body counts %s (case 32)', async ([, body, estimatedTokens]) => {
    expect(await post(JSON.stringify(body))).toMatchObject({ status: 202, body: { estimated_tokens: estimatedTokens } })
  })

  test.for([
    ['beside the prompt', { prompt: 'What is this?', picture: 'iVBORw0K'.repeat(393_216) }, 1_050],
    ['in the prompt', { prompt: `What is this? ${'iVBORw0K'.repeat(393_216)}` }, 1_050],
    ['nowhere', { prompt: 'What is this?' }, 50],
  ] as const)(
    "the estimate of a body comes from the model's own rule (case 33, picture of 3 MB: %s)",
    async ([, body, estimated]) => {
      const client = await system.newUser()

      const answer = await client.post({ ...body, model: 'weighed' })

      expect(answer).toMatchObject({ status: 202, body: { estimated_tokens: estimated } })
      expect(await ended(client, String(answer.body.request_id))).toMatchObject({ status: 'completed', result: 'fine' })
    },
  )
})

describe('calls to a model', () => {
  // test/unit/functions/core/inference/http-endpoint.test.ts tests that a changed secret is used at once after a 401.
  test('a call carries one field of a secret that is JSON, and a 401 halts the model (case 34)', async () => {
    const client = await system.newUser()
    model.on('<34 fine>', FINE)
    model.on('<34 refused>', json({ error: { message: 'Incorrect API key provided: sk-the*****one' } }, 401))

    const fine = await ended(client, await client.submit({ prompt: '<34 fine>', model: 'keyed' }))
    const refused = await client.submit({ prompt: '<34 refused>', model: 'keyed' })
    await soon(async () => {
      expect((await modelNamed('keyed'))?.halted).toMatchObject({ status: 401, reason: expect.stringContaining('401') })
    })

    expect(fine).toMatchObject({ status: 'completed', result: 'fine' })
    expect(model.calls('<34 fine>').map(({ headers }) => headers.authorization)).toEqual([`Bearer ${SECRET}`])
    await soon(async () => expect(await show(client, refused)).toMatchObject({ status: 'queued', attempts: 0 }))
    // After a 401, the worker reads the secret again, because an operator may have changed it. Here it has not changed, so a second call would fail, too.
    expect(model.calls('<34 refused>')).toHaveLength(1)
    expect(await cancel(client, refused)).toMatchObject({ charged: { requests: 0, tokens: 0 } })
    expect(JSON.stringify(await modelNamed('keyed'))).not.toContain(SECRET)
  })

  test.for([
    ['bedrock', '/bedrock/model/anthropic.claude-v1%3A0/converse'],
    [
      'bedrock-arn',
      '/bedrock/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-v1%3A0/converse',
    ],
  ] as const)(
    'a call has a signature that AWS accepts, even if the name of the model contains : and / (case 35, %s)',
    async ([name, path]) => {
      const client = await system.newUser()
      const mark = `<35 ${name}>`
      model.on(mark, json({ output: { message: { content: [{ text: 'Hello' }] } } }))

      expect(await ended(client, await client.submit({ prompt: mark, model: name }))).toMatchObject({
        status: 'completed',
      })

      const [call] = model.calls(mark)
      expect(call?.target).toBe(path)
      expect(call && signedFor('bedrock')(call)).toBeUndefined()
    },
  )
})
