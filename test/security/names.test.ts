import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiClient } from '../e2e/support/api-client.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { internalsOfAnswer } from '../e2e/support/internals.ts'
import { ledgerRows } from '../e2e/support/ledger.ts'
import { answerJson, startTestModel, type TestModel, usualUsage } from '../e2e/support/model.ts'
import { sendOne } from '../e2e/support/raw-http.ts'
import { jsonOfSluice, runSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

let model: TestModel
let system: RunningSystem
let client: ApiClient & { readonly user: string }

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('held.yaml'), MODEL_URL: model.url })
  client = await system.newUser({ requests: 500 })
}, 180_000)
afterAll(async () => {
  await system?.stop()
  await model?.close()
})

const post = (body: string) => client.send('POST', '/v1/inference', body)

/** Names of properties that every object of JavaScript inherits, and names that can change a prototype. */
const INHERITED = ['constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__'] as const

describe('names of properties that every JavaScript object inherits', () => {
  test.for(INHERITED)('an inherited name is treated like any other name in a body: %s', async name => {
    const nested = { [name]: { [name]: `of ${name}`, polluted: true } }
    const body = { prompt: `a body with ${name}`, parameters: nested, metadata: nested, ...nested }
    const id = String((await post(JSON.stringify(body))).body.request_id)

    expect(await client.ended(id)).toMatchObject({ status: 'completed', metadata: nested })

    const sent = model.calls.find(({ body: { input } }) => input === body.prompt)
    expect(sent?.body.body).toMatchObject({ parameters: nested, metadata: nested, ...nested })
  })

  test.for(['constructor', 'toString'])(
    'an inherited name is treated like any other name in a result: %s',
    async name => {
      const prompt = `a result with ${name}`
      const result = { [name]: { polluted: true } }
      model.on(prompt, answerJson({ result, usage: usualUsage }))
      expect(await client.ended(await client.submit({ prompt, model: 'other' }))).toMatchObject({ result })
    },
  )

  test.for(['__proto__', ...INHERITED])('an inherited name does not name a model or a priority: %s', async name => {
    expect(await client.post({ prompt: 'p', model: name })).toMatchObject({
      status: 400,
      body: { code: 'unknown_model' },
    })
    expect(await client.post({ prompt: 'p', priority: name })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    })
    expect(await client.post({ prompt: 'p', model_type: name })).toMatchObject({ status: 202, body: { model: 'text' } })
  })

  test.for(['__proto__', ...INHERITED])(
    'an inherited name is ignored as a parameter of a query and as a header: %s',
    async name => {
      const query = `${name}=1&${name}[polluted]=true&${name}.polluted=true&limit=1`
      expect(await client.send('GET', `/v1/inference?${query}`)).toMatchObject({ status: 200 })
      expect(await client.send('GET', '/v1/quota', undefined, { prefer: `${name}=1`, [name]: 'true' })).toMatchObject({
        status: 200,
      })
      expect(await sendOne(system.apiUrl, { target: '/v1/quota', headers: [`${name}: true`] })).toMatchObject({
        status: 401,
      })
    },
  )

  test.for(['__proto__', ...INHERITED])('an inherited name can be the id of a user: %s', async user => {
    const { key } = await jsonOfSluice<{ key: string }>(system, 'keys', 'create', '--user', user)
    const own = system.client(key)
    const id = await own.submit({ prompt: `of ${user}`, model: 'other' })

    expect(await own.ended(id)).toMatchObject({ status: 'completed', result: { echo: `of ${user}` } })
    expect(await own.settledQuota()).toMatchObject({ plan: 'free', requests: { used: 1, limit: 1000 } })
    expect((await own.send('GET', '/v1/inference')).body.requests).toMatchObject([{ request_id: id }])
    await eventually(async () =>
      expect(await ledgerRows(system, user)).toMatchObject([{ user_id: user, status: 'completed' }]),
    )
    expect(await jsonOfSluice(system, 'users', 'show', user)).toMatchObject({ user, plan: 'free', overrides: {} })
  })

  test.for(['__proto__', ...INHERITED])('an inherited name does not name a plan: %s', async plan => {
    for (const command of [
      ['users', 'set', 'somebody', '--plan', plan],
      ['keys', 'create', '--user', 'somebody', '--plan', plan],
    ])
      expect(await runSluice(system, ...command)).toMatchObject({
        code: 1,
        err: expect.stringContaining(`there is no plan ${plan}`),
      })
  })
})

describe('__proto__ in a body', () => {
  test.for([
    ['beside the prompt', '{"prompt":"p","__proto__":{"polluted":true}}'],
    ['in parameters', '{"prompt":"p","parameters":{"__proto__":{"polluted":true}}}'],
    ['in metadata', '{"prompt":"p","metadata":{"a":[{"__proto__":{"polluted":true}}]}}'],
    ['with an escaped letter', '{"prompt":"p","\\u005f_proto__":{"polluted":true}}'],
    ['as null', '{"prompt":"p","__proto__":null}'],
  ] as const)('a body with the field __proto__ is refused, because objects lose this name: %s', async ([, body]) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  test('a body is refused if __proto__ is its only field', async () => {
    expect(await post('{"__proto__":{"prompt":"p"}}')).toMatchObject({ status: 400 })
  })

  test('the text __proto__ is accepted as a prompt', async () => {
    expect(await client.ended(await client.submit({ prompt: '__proto__', model: 'other' }))).toMatchObject({
      result: { echo: '__proto__' },
    })
  })
})

/** Texts that would change an SQL statement if Sluice did not pass them as parameters. */
const SQL: readonly string[] = [
  `'; DROP TABLE requests; --`,
  `'; DROP TABLE dead_letters; --`,
  `" OR "1"="1`,
  `' OR '1'='1`,
  `\\'; DELETE FROM requests; --`,
  ':user :rows :dead_letters :request_id ::json',
  `$1 $2 $$ $a$ $\{1} ?`,
  "E'\\x27' \\ \\\\ \\u0027 \\n",
  '\u2019; \u02bc; \uff07 OR 1=1 --',
  '%_%',
  '/* */ -- ; \u0001 \u007f \u2028',
  '{"a":"}\',\'"}',
  'NULL;',
  '\ufeff\u202e🙂',
]

describe('text with a meaning in SQL:', () => {
  test.for(SQL)('the text is stored and returned unchanged: %j', async text => {
    const user = await system.newUser()
    const metadata = { [text]: text, list: [text] }
    model.on(text, answerJson({ result: { text }, usage: usualUsage }))

    const id = await user.submit({ prompt: text, model: 'other', metadata })

    expect(await user.ended(id)).toMatchObject({ status: 'completed', result: { text }, metadata })
    const row = { request_id: id, user_id: user.user, prompt: text, metadata, result: { text }, model: 'other' }
    expect(await ledgerRows(system, user.user)).toMatchObject([row])
    expect(await user.post({ prompt: 'p', model: text })).toMatchObject({
      status: 400,
      body: { code: 'unknown_model' },
    })
    const keyed = await user.post({ prompt: 'p', model: 'other' }, { 'idempotency-key': encodeURIComponent(text) })
    expect(keyed).toMatchObject({ status: 202 })
  })

  test.for(SQL)('the text is refused or finds nothing as an argument of a command: %j', async text => {
    const refused = [
      ['requests', 'list', '--user', text],
      ['requests', 'list', '--status', text],
      ['requests', 'list', '--limit', text],
      ['requests', 'show', text],
      ['keys', 'create', '--user', text],
      ['users', 'show', text],
      ['quota', 'show', text],
      ['quota', 'show', client.user, '--window', text],
      ['dead-letters', 'show', text],
      ['dead-letters', 'redrive', text],
      ['dead-letters', 'discard', text],
      ['keys', 'revoke', text],
      ['models', 'reset', text],
    ]
    for (const command of refused) {
      const { code, err } = await runSluice(system, ...command)
      expect({ command, refused: code === 1 || code === 2, err }).toMatchObject({
        command,
        refused: true,
        err: expect.stringMatching(/^error: [^\n]+\n$/),
      })
      expect(err).not.toMatch(/SQLState|syntax error|unavailable/i)
    }
    expect(await jsonOfSluice(system, 'dead-letters', 'list', '--model', text)).toEqual([])
    expect(await jsonOfSluice(system, 'keys', 'list', '--user', 'nobody')).toEqual([])
  })

  test('the filter of a list is compared literally, and not used as a pattern', async () => {
    const body = { prompt: 'to be refused', model: 'other' }
    model.on(body.prompt, answerJson({}, 400))
    await client.ended(await client.submit(body))
    await eventually(async () =>
      expect(await jsonOfSluice(system, 'dead-letters', 'list', '--model', 'other')).toHaveLength(1),
    )
    for (const pattern of ['%', 'oth_r', 'o%', '.*', 'other%'])
      expect(await jsonOfSluice(system, 'dead-letters', 'list', '--model', pattern)).toEqual([])
    for (const pattern of ['_', '_________', '.', '-'])
      expect(await jsonOfSluice(system, 'requests', 'list', `--user=${pattern}`)).toEqual([])
  })
})

test('`sluice reconcile` finds no difference between the stores after these tests, and no answer contained an internal name', async () => {
  expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0, err: '' })
  expect(system.answers.length).toBeGreaterThan(SQL.length)
  expect(system.answers.flatMap(answer => internalsOfAnswer(system, answer))).toEqual([])
})
