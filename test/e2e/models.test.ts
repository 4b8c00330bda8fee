import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { answers } from './support/answers.ts'
import { everyPlane } from './support/every-plane.ts'
import { deadLetters, ledgerRows } from './support/ledger.ts'
import { answerJson, startTestModel, type TestModel, usualUsage } from './support/model.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  const gone = await startTestModel()
  await gone.close()
  system = await startSystem({
    SLUICE_CONFIG: fixture('many-models.yaml'),
    MODEL_URL: model.url,
    ABSENT_URL: gone.url,
    MODELS_IMAGE_KEY: 'open sesame',
  })
})

afterAll(async () => {
  await system.stop()
  await model.close()
})

const callsWith = (input: unknown) => model.calls.filter(({ body }) => body.input === input)

describe('posts', () => {
  test.for([
    ['the default route', {}, 'text', '/text?v=1'],
    ['a model_type', { model_type: 'image' }, 'image', '/image'],
    ['a model_type that no route names', { model_type: 'sound' }, 'text', '/text?v=1'],
    ['any field that a route looks at', { parameters: { size: 1024 } }, 'image', '/image'],
    [
      'the field model, which comes before all routes',
      { model: 'hurried', model_type: 'image' },
      'hurried',
      '/hurried',
    ],
  ] as const)('a post goes to a model that is chosen by %s', async ([name, fields, expected, path]) => {
    const client = await system.newUser()

    const { body } = await client.post({ prompt: name, ...fields })

    expect(body).toMatchObject({ model: expected })
    expect(await client.ended(String(body.request_id))).toMatchObject({ status: 'completed', model: expected })
    expect(callsWith(name).map(call => call.path)).toEqual([path])
  })

  test.for(['/generate', '/api/v1/inference'])(
    'a post is also accepted at the path %s, which clients of the old pipeline use',
    async path => {
      const client = await system.newUser()

      const { status, headers, body } = await client.send('POST', path, JSON.stringify({ prompt: path }))

      expect({ status, location: headers.location }).toEqual({
        status: 202,
        location: `/v1/inference/${body.request_id}`,
      })
      expect(await client.ended(String(body.request_id))).toMatchObject({ result: { echo: path } })
    },
  )

  test.for([
    ['names', { model: 'image' }, 'the plan texts does not allow the model "image"; it allows text, strict'],
    [
      'is routed to',
      { model_type: 'image' },
      'the plan texts does not allow the model that this request is routed to; it allows text, strict',
    ],
  ] as const)(
    'a post is refused if it %s a model that the plan of its user does not allow',
    async ([, fields, error]) => {
      const client = await system.newUser({ plan: 'texts' })

      const answer = await client.post({ prompt: 'not allowed', plan: 'free', user_id: 'vip', ...fields })

      expect(answer).toMatchObject({ status: 403, body: { status: 'error', code: 'model_not_allowed', error } })
      expect((await client.send('GET', '/v1/quota')).body).toMatchObject({ requests: { used: 0 }, tokens: { used: 0 } })
      expect(callsWith('not allowed')).toEqual([])
      expect((await client.post({ prompt: 'allowed', model: 'strict' })).status).toBe(202)
      expect((await client.post({ prompt: 'which?', model: 'none' })).body).toMatchObject({
        error: 'there is no model "none"; there are text, strict',
      })
    },
  )

  test('a post with a used Idempotency-Key gets the earlier request, even if the plan no longer allows its model', async () => {
    const client = await system.newUser()
    const post = () => client.post({ prompt: 'keyed', model: 'image' }, { 'idempotency-key': 'k' })
    const first = await post()
    await setUser(system.admin, client.user, { plan: 'texts' })
    // The authorizer remembers the plan of a key's user for up to a minute. The user gets another key, so that the new plan applies at once.
    const { created } = await createKey(system.admin, { user: client.user })
    const again = await system.client(created.key).post({ prompt: 'keyed', model: 'image' }, { 'idempotency-key': 'k' })

    expect(again).toMatchObject({ status: 202, body: { request_id: first.body.request_id } })
    expect(await client.ended(String(first.body.request_id))).toMatchObject({ status: 'completed', model: 'image' })
  })

  test('a request with max_tokens 0 is charged by the size of its result if the model reports no usage', async () => {
    const client = await system.newUser()
    // The result has 4,002 bytes of JSON, which count as 1,001 tokens. The prompt counts as 3 tokens.
    model.on('for nothing', answerJson({ result: 'x'.repeat(4_000) }))

    const id = await client.submit({ prompt: 'for nothing', parameters: { max_tokens: 0 } })

    expect(await client.ended(id)).toMatchObject({ status: 'completed', estimated_tokens: 3 })
    expect((await client.settledQuota()).tokens).toMatchObject({ used: 1_004, reserved: 0 })
  })

  test('a post uses the user id and the plan of the API key, and ignores the user id and the plan in the body', async () => {
    const client = await system.newUser()

    const { body } = await client.post({
      prompt: 'I am vip',
      user_id: 'vip',
      plan: 'gold',
      request_id: 'r',
      attempt: 9,
    })

    expect(body).toMatchObject({ model: 'text' })
    await client.ended(String(body.request_id))
    expect(callsWith('I am vip')).toMatchObject([
      { body: { user: client.user, request_id: body.request_id, attempt: 1 } },
    ])
  })

  test('a post may have the priority high, and its request then has this priority', async () => {
    const client = await system.newUser()
    const { body } = await client.post({ prompt: 'quickly', priority: 'high' })
    expect(body).toMatchObject({ priority: 'high' })
    expect(await client.ended(String(body.request_id))).toMatchObject({ status: 'completed', priority: 'high' })
  })
})

describe('calls to a model', () => {
  test('a call to a model carries the body that the mapping makes, and no field of the client replaces a field of Sluice', async () => {
    const client = await system.newUser()
    const parameters = { max_tokens: 9, stop: ['.'], deep: { er: null } }

    const id = await client.submit({
      prompt: 'mapped',
      parameters,
      tag: 't',
      user_id: 'mallory',
      request_id: '1',
      attempt: 9,
    })
    await client.ended(id)

    const [call] = callsWith('mapped')
    expect(call?.body).toEqual({ input: 'mapped', parameters, request_id: id, user: client.user, attempt: 1, tag: 't' })
    expect(call?.headers).toMatchObject({ 'content-type': 'application/json', 'idempotency-key': id })
  })

  test('a call to a model carries the secret and the headers of pipeline.yaml', async () => {
    const client = await system.newUser()
    await client.ended(await client.submit({ prompt: 'secured', model: 'image' }))
    expect(callsWith('secured')[0]?.headers).toMatchObject({ 'x-model-key': 'Key open sesame', 'x-team': 'search' })
  })

  test('exactly one call to the model is made per request if no call fails', async () => {
    const client = await system.newUser()
    const ids = await Promise.all(Array.from({ length: 40 }, () => client.submit({ prompt: 'once each' })))
    await client.settledQuota()
    expect(
      callsWith('once each')
        .map(({ body }) => body.request_id)
        .toSorted(),
    ).toEqual(ids.toSorted())
  })
})

describe('texts', () => {
  test('a text with characters of every Unicode plane reaches the model, the client and Postgres unchanged', async () => {
    const client = await system.newUser()
    const metadata = { [everyPlane]: [everyPlane] }

    const request = await client.ended(await client.submit({ prompt: everyPlane, tag: everyPlane, metadata }))

    expect(callsWith(everyPlane)[0]?.body.tag).toBe(everyPlane)
    expect(request).toMatchObject({ result: { echo: everyPlane }, metadata })
    const [row] = await ledgerRows(system, client.user)
    expect(row).toMatchObject({ prompt: everyPlane, result: { echo: everyPlane }, metadata })
  })

  test.for([
    ['100 KB', 100 * 1024],
    ['1 MB', 1024 * 1024],
    ['3.9 MB', 3.9 * 1024 * 1024],
  ] as const)('a text of %s goes through S3 as prompt and as result, and stays complete', async ([_, bytes]) => {
    const client = await system.newUser()
    const line = 'Zeile für Zeile "so" 🙂\n'
    const prompt = line.repeat(bytes / Buffer.byteLength(JSON.stringify(line)))

    const { status, result } = await client.ended(await client.submit({ prompt }))

    expect(status).toBe('completed')
    // The texts are compared with `===`, and not with `toEqual`, because `toEqual` would print megabytes if they differ.
    expect(callsWith(prompt)).toHaveLength(1)
    expect((result as { echo: string }).echo === prompt).toBe(true)
    const keys = { prompt: null, prompt_key: expect.any(String), result: null, result_key: expect.any(String) }
    expect(await ledgerRows(system, client.user)).toMatchObject([keys])
  })
})

test('metadata is returned unchanged', async () => {
  const client = await system.newUser()
  const metadata = {
    zuerst: 1,
    'a.b c': '',
    __list: [[], {}, null, true, -1.5, 1e300, 5e-324, 9007199254740991, 0.1],
    deep: { er: { est: ['x'] } },
  }
  const request = await client.ended(await client.submit({ prompt: 'with metadata', metadata }))
  expect(JSON.stringify(request.metadata)).toBe(JSON.stringify(metadata))
})

const results = ['', 0, false, 1e300, [], {}, [[]], [1], [{ a: [1] }], 'text', { a: { b: [null] }, '': 1 }]

test.for(results.map(result => ({ result, json: JSON.stringify(result) })))(
  'a result may be $json, and is returned unchanged',
  async ({ result, json }) => {
    const client = await system.newUser()
    const prompt = `give ${json}`
    model.on(prompt, answerJson({ result, usage: usualUsage }))

    const request = await client.ended(await client.submit({ prompt }))

    expect(request.status).toBe('completed')
    expect(JSON.stringify(request.result)).toBe(json)
  },
)

const said = ({ status, detail }: { status?: unknown; detail?: unknown } = {}) => ({
  ...(status !== undefined && { status: expect.any(Number) }),
  ...(detail !== undefined && { detail: expect.stringMatching(/^\S.{0,499}$/) }),
})

describe('documented answers of models', () => {
  beforeAll(() => {
    for (const [name, { respond }] of Object.entries(answers)) model.on(name, respond)
  })

  test.for(Object.entries(answers))(
    'an answer with %s ends its request as documented, is charged as documented, and affects no other request',
    async ([name, expected]) => {
      const client = await system.newUser()
      const before = { prompt: `before ${name}` }
      const it = { prompt: name, model: expected.model ?? 'text' }
      const after = { prompt: `after ${name}` }

      const ids = await Promise.all([before, it, after].map(body => client.submit(body)))
      const [first, request, last] = await Promise.all(ids.map(id => client.ended(id)))

      const tokens = expected.tokens ?? Number(request?.estimated_tokens)
      expect(request).toMatchObject({ status: expected.ends.status, attempts: 1, completed_at: expect.any(String) })
      if (expected.ends.status === 'failed') {
        // `status` and `detail` are present only if the model has answered.
        expect(request?.error).toEqual({
          code: expected.ends.code,
          message: expect.stringMatching(/^\S.*[\w)>]$/),
          ...said(request?.error ?? {}),
        })
        expect(request).not.toHaveProperty('result')
      } else {
        expect(request).toHaveProperty('result')
        expect(request).not.toHaveProperty('error')
      }
      expect([first?.result, last?.result]).toEqual([{ echo: before.prompt }, { echo: after.prompt }])
      const used = 2 * usualUsage.total_tokens + tokens
      expect(await client.settledQuota()).toMatchObject({ requests: { used: 3 }, tokens: { used, reserved: 0 } })
    },
  )

  test('each of these answers ends its request as documented even if all arrive at the same time, and each failure becomes a dead letter with its reason', async () => {
    const client = await system.newUser()
    const all = Object.entries(answers)

    const ids = await Promise.all(
      all.map(([name, { model: of = 'text' }]) => client.submit({ prompt: name, model: of })),
    )
    const ended = await Promise.all(ids.map(id => client.ended(id)))

    const outcomes = ended.map(({ status, error }) => ({ status, code: (error as { code: string } | undefined)?.code }))
    expect(outcomes).toEqual(all.map(([_, { ends }]) => ({ code: undefined, ...ends })))
    const quota = await client.settledQuota()
    const estimates = ended.map(({ estimated_tokens }) => Number(estimated_tokens))
    const charged = all.map(([_, { tokens }], i) => tokens ?? estimates[i] ?? 0)
    expect(quota).toMatchObject({
      requests: { used: all.length },
      tokens: { used: charged.reduce((sum, tokens) => sum + tokens, 0) },
    })
    const letters = await deadLetters(system, client.user)
    const reasons = all.flatMap(([_, { ends }]) => ('code' in ends ? [ends.code] : []))
    expect(letters.map(({ reason }) => reason).toSorted()).toEqual(reasons.toSorted())
  })
})

test('a request of a model whose server is down fails as model_unreachable, and is not charged', async () => {
  const client = await system.newUser()
  const request = await client.ended(await client.submit({ prompt: 'hello?', model: 'absent' }))
  expect(request).toMatchObject({ status: 'failed', error: { code: 'model_unreachable' } })
  expect(await client.settledQuota()).toMatchObject({ requests: { used: 0 }, tokens: { used: 0 } })
})

test('a request whose request mapping fails never reaches the model, and is not charged', async () => {
  const client = await system.newUser()
  const request = await client.ended(await client.submit({ prompt: 'no number', model: 'strict' }))
  expect(request).toMatchObject({ status: 'failed', error: { code: 'mapping_failed' } })
  expect(JSON.stringify(request.error)).not.toContain('no number')
  expect(await client.settledQuota()).toMatchObject({ requests: { used: 0 }, tokens: { used: 0 } })
})

test('a request fails with an invalid answer if the response mapping gives no result', async () => {
  const client = await system.newUser()
  const request = await client.ended(await client.submit({ prompt: '42', model: 'strict' }))
  expect(request).toMatchObject({ status: 'failed', error: { code: 'invalid_model_response' } })
  expect(await client.settledQuota()).toMatchObject({ requests: { used: 1 } })
})

test('a result of 3.8 MB can be read, even if its escaped form inside of JSON is twice as large', async () => {
  const client = await system.newUser()
  const result = '"'.repeat(1.9 * 1024 * 1024) // 3.8 MB as JSON, and twice this size as JSON inside a text
  model.on('quotes', answerJson({ result, usage: usualUsage }))
  const request = await client.ended(await client.submit({ prompt: 'quotes' }))
  expect(request.result === result).toBe(true)
})

test('no log line holds a prompt, a result, a secret or a stack trace', () => {
  // The terminal shows times such as `at 17:21:15`. They are not lines of a stack trace.
  const forbidden = /once each|Zeile|echo|open sesame|no number|\bat (?!\d\d:)[^\n"]*:\d+:\d+/
  const lines = [system.functionLogs(), system.output().out, system.output().err].join('\n').split('\n')
  expect(lines.filter(line => forbidden.test(line))).toEqual([])
})
