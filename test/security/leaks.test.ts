import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newKey } from '../../functions/core/stores/access/key.ts'
import { resultKey } from '../../functions/core/stores/payloads/names.ts'
import { s3Payloads } from '../../functions/core/stores/payloads/s3.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { localTarget } from '../../lib/cli/target.ts'
import { type ApiClient, createApiClient } from '../e2e/support/api-client.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { internalsOfAnswer, internalsOfLog } from '../e2e/support/internals.ts'
import {
  answerJson,
  answerText,
  type Respond,
  startTestModel,
  type TestModel,
  usualUsage,
} from '../e2e/support/model.ts'
import { runSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

/** Makes a mark: a text for which the tests search in all output. Its name says in which field a test has put it. */
const mark = (what: string): string => `canary-${what}`
const MARKS = /canary-[\w-]+/g

/** Marks in secrets and settings of the operator. No answer may contain them. */
const SECRETS = ['secret', 'query', 'header-of-endpoint', 'stored'].map(mark)

/** Marks in the fields of a client's call. No error answer may repeat them. */
const REPEATED = ['prompt', 'parameters', 'of-model', 'idempotency', 'header', 'json', 'agent'].map(mark)

const folder = mkdtempSync(join(tmpdir(), 'sluice-leaks-'))
const heard: string[] = []
let model: TestModel
let system: RunningSystem
let key: string
let client: ApiClient

beforeAll(async () => {
  model = await startTestModel()
  const gone = await startTestModel()
  await gone.close()
  system = await startSystem({
    SLUICE_CONFIG: fixture('leaks.yaml'),
    SLUICE_DATA: folder,
    MODEL_URL: model.url,
    ABSENT_URL: gone.url,
    QUERY_MARK: mark('query'),
    HEADER_MARK: mark('header-of-endpoint'),
    LEAKY_KEY: mark('secret'),
  })
  letWorkersCrash()
  key = (await createKey(system.admin, { user: 'leaky' })).created.key
  client = createApiClient(system.apiUrl, key, heard)
}, 180_000)
afterAll(async () => {
  await system?.stop()
  await model?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Makes the workers crash in calls to the model `crashing`. It changes the files of their code, which a thread loads only at its first invocation. */
function letWorkersCrash(): void {
  const hook = new URL('../e2e/support/crash-in-call.ts', import.meta.url)
  const assembly = join(folder, 'cdk.out')
  for (const asset of readdirSync(assembly).filter(name => name.startsWith('asset.'))) {
    const file = join(assembly, asset, 'index.mjs')
    writeFileSync(file, `import ${JSON.stringify(hook.href)}\n${readFileSync(file, 'utf8')}`)
  }
}

/** A body with a mark in each of its fields. */
const marked = (prompt: string, fields: object = {}) => ({
  prompt: `${mark('prompt')} ${prompt}`,
  parameters: { stop: mark('parameters'), [mark('parameters-name')]: 1 },
  metadata: { note: mark('metadata'), [mark('metadata-name')]: 1, number: mark('metadata-number') },
  [mark('field')]: mark('field-value'),
  ...fields,
})
const HEADERS = { 'x-canary': mark('header'), 'user-agent': mark('agent'), 'idempotency-key': mark('idempotency') }

const OF_MODEL = mark('of-model')

/** Answers of a model, each with a description, the name of the model, and the error code of the request if it fails. */
const ANSWERS: readonly (readonly [name: string, respond: Respond, model: string, code?: string])[] = [
  ['a result', answerJson({ result: { text: OF_MODEL }, usage: usualUsage }), 'text'],
  ['a large result', answerJson({ result: OF_MODEL + 'x'.repeat(100_000), usage: usualUsage }), 'text'],
  ['400 and a reason', answerJson({ error: OF_MODEL }, 400), 'text', 'model_rejected'],
  ['404 and a reason', answerJson({ error: OF_MODEL }, 404), 'text', 'model_rejected'],
  [
    '500 and a stack trace',
    answerText(`Error: ${OF_MODEL}\n    at model (/srv/model.js:1:2)`, 500),
    'text',
    'model_error',
  ],
  ['503 and a nonsensical Retry-After', answerText('', 503, { 'retry-after': OF_MODEL }), 'text', 'model_error'],
  ['a redirect', answerText('', 302, { location: `http://${OF_MODEL}/` }), 'text', 'model_rejected'],
  ['a text that is not JSON', answerText(OF_MODEL), 'text', 'invalid_model_response'],
  ['incomplete JSON', answerText(`{"result":"${OF_MODEL}"`), 'text', 'invalid_model_response'],
  ['U+0000', answerText(`{"result":"${OF_MODEL}\\u0000"}`), 'text'],
  ['no result', answerJson({ [OF_MODEL]: OF_MODEL }), 'text', 'invalid_model_response'],
  ['usage that is a text', answerJson({ result: 1, usage: { total_tokens: OF_MODEL } }), 'text'],
  [
    'half a body',
    response => void response.writeHead(200).write(`{"result":"${OF_MODEL}`, () => response.destroy()),
    'text',
    'model_unreachable',
  ],
  [
    'a result on which the response mapping fails',
    answerJson({ result: OF_MODEL }),
    'strict',
    'invalid_model_response',
  ],
  [
    'half a body in time',
    response => void response.writeHead(200).write(`{"result":"${OF_MODEL}`),
    'strict',
    'model_timeout',
  ],
  ['a batch with an error', answerJson({ outputs: [{ error: OF_MODEL }] }), 'many', 'model_rejected'],
  ['a batch without a list of outputs', answerJson({ outputs: OF_MODEL }), 'many', 'invalid_model_response'],
]

describe('requests', () => {
  test.for(ANSWERS)(
    'the error of a request has no mark of another field if the model answers with %s',
    async ([name, respond, of, code]) => {
      const body = marked(name, { model: of, metadata: { note: mark('metadata'), number: 1 } })
      model.on(body.prompt, respond)

      const ended = await client.ended(await client.submit(body))

      if (code !== undefined) expect(ended).toMatchObject({ status: 'failed', error: { code } })
      // The error of a failed request may have the model's own text, which has a mark, too. It may have no other mark.
      if (ended.status === 'failed') expect(JSON.stringify(ended.error).replaceAll(OF_MODEL, '')).not.toMatch(MARKS)
    },
  )
})

describe('requests that reach no model', () => {
  test.for([
    ['because its request mapping fails', { model: 'strict' }, 'mapping_failed'],
    ['because no server listens at its endpoint', { model: 'absent' }, 'model_unreachable'],
  ] as const)('a request that fails %s has no mark in its error', async ([name, fields, code]) => {
    const ended = await client.ended(await client.submit(marked(name, fields)))
    expect(ended).toMatchObject({ status: 'failed', error: { code } })
    expect(JSON.stringify(ended.error)).not.toMatch(MARKS)
  })
})

/** Posts that are refused: a description, the body, the headers and the status of the answer. */
const REFUSED: readonly (readonly [name: string, body: string, headers: Record<string, string>, status: number])[] = [
  ['broken JSON', `{"prompt":"${mark('json')}"`, {}, 400],
  ['a body that is a text', JSON.stringify(mark('json')), {}, 400],
  [
    'wrong fields',
    JSON.stringify({
      prompt: [mark('json')],
      parameters: mark('json'),
      metadata: mark('json'),
      priority: mark('json'),
    }),
    {},
    400,
  ],
  ['the character U+0000', `{"prompt":"${mark('json')}\\u0000"}`, {}, 400],
  ['a body over 4 MB', JSON.stringify({ prompt: mark('json') + 'x'.repeat(5_000_000) }), {}, 413],
  ['an unknown model', JSON.stringify(marked('x', { model: mark('model') })), {}, 400],
  ['a field on which a route fails', JSON.stringify(marked('x', { level: mark('level') })), {}, 400],
  ['an empty Idempotency-Key', JSON.stringify(marked('x')), { ...HEADERS, 'idempotency-key': '' }, 400],
  ['bytes that are not UTF-8', `${mark('json')}\xff`, { 'content-type': 'application/octet-stream' }, 400],
]

describe('refused calls', () => {
  test.for(REFUSED)('a post with %s is refused', async ([, body, headers, status]) => {
    expect(await client.send('POST', `/v1/inference?a=${mark('parameter')}`, body, headers)).toMatchObject({ status })
  })

  test('a post is refused if its Idempotency-Key was used with another body', async () => {
    expect(await client.post(marked('first'), HEADERS)).toMatchObject({ status: 202 })
    expect(await client.post(marked('second'), HEADERS)).toMatchObject({ status: 422 })
  })

  test('a call is refused if its path, method, id or query is wrong', async () => {
    for (const [method, path] of [
      ['GET', `/v1/${mark('path')}`],
      ['PUT', '/v1/inference'],
      ['GET', `/v1/inference/${mark('id')}`],
      ['GET', `/v1/inference?cursor=${mark('cursor')}&status=${mark('status')}&limit=${mark('limit')}`],
    ] as const)
      expect((await client.send(method, path, undefined, HEADERS)).status).toBeGreaterThanOrEqual(400)
  })

  test('a call is refused if its API key is wrong', async () => {
    for (const wrong of [mark('key'), newKey(), `${key}x`])
      expect((await client.send('GET', '/v1/quota', undefined, { 'x-api-key': wrong })).status).toBe(403)
  })
})

const errorsLogged = (text: string) =>
  system
    .functionLogs()
    .split('\n')
    .filter(line => line.includes(text))

describe('defects and unreadable messages', () => {
  test('the error of a worker that crashes is logged', async () => {
    await client.submit(marked('crash', { model: 'crashing' }))
    await eventually(() => expect(errorsLogged("reading 'crash'")).not.toEqual([]))
  })

  test('the read of a stored result that is not JSON is answered with 500, and the defect is logged', async () => {
    const body = marked('to be spoilt', { model: 'text' })
    model.on(body.prompt, answerJson({ result: 'x'.repeat(100_000), usage: usualUsage }))
    const requestId = await client.submit(body)
    await client.ended(requestId)
    const { s3, outputs } = localTarget(system.localJson)
    const name = resultKey({ user_id: 'leaky', request_id: requestId, run: 1, attempt: 1 })
    await s3Payloads(s3, outputs.PayloadsBucket).put(name, mark('stored'))

    expect(await client.send('GET', `/v1/inference/${requestId}`)).toMatchObject({ status: 500 })

    await eventually(() => expect(errorsLogged('a call of the payload store failed by a defect')).not.toEqual([]))
  })

  test.for([
    ['is not JSON', mark('input')],
    ['names no user', JSON.stringify(marked('of nobody', { user_id: `${mark('user')}#` }))],
    ['names no model', JSON.stringify(marked('of no model', { user_id: 'leaky', model: mark('model') }))],
    ['has a field on which a route fails', JSON.stringify(marked('x', { user_id: 'leaky', level: mark('level') }))],
  ])('a message of an input queue that %s becomes a dead letter', async ([, text]) => {
    const before = (await system.admin.deadLetters.list({ limit: 99 })).length
    expect(await system.admin.sendInput('leaky-prompts', String(text))).toBe(true)
    await eventually(async () =>
      expect((await system.admin.deadLetters.list({ limit: 99 })).length).toBeGreaterThan(before),
    )
  })

  test.for(['results', 'inference-text-normal'])(
    'an unreadable message in the queue %s becomes a dead letter',
    async queue => {
      const letters = async () =>
        (await system.admin.deadLetters.list({ limit: 99 })).filter(({ reason }) => reason === 'unreadable').length
      const before = await letters()
      await system.admin.queue.send(queue, { body: { v: 1, text: mark('message') }, group: 'leaky' })
      await eventually(async () => expect(await letters()).toBeGreaterThan(before))
    },
  )
})

test('no answer of these tests contains a secret or an internal name, and no refusal repeats a text of the call', () => {
  expect(heard.length).toBeGreaterThan(ANSWERS.length + REFUSED.length)
  expect(heard.filter(answer => SECRETS.some(secret => answer.includes(secret)) || answer.includes(key))).toEqual([])
  const refusals = heard.filter(answer => answer.includes('"status":"error"'))
  expect(refusals.length).toBeGreaterThan(REFUSED.length)
  expect(refusals.filter(answer => REPEATED.some(text => answer.includes(text)))).toEqual([])
  expect(heard.flatMap(answer => internalsOfAnswer(system, answer))).toEqual([])
})

/** The output of an operator's commands. The tests run some commands that are refused. */
const operated: string[] = []

test("no operator's command prints a secret or a key, even for failed requests and if the command is refused", async () => {
  const letters = await system.admin.deadLetters.list({ limit: 99 })
  const failed = letters.flatMap(({ request_id }) => (request_id === null ? [] : [request_id])).slice(0, 5)
  const asked = [
    ['models', 'list'],
    ['users', 'list'],
    ['keys', 'list'],
    ['requests', 'list', '--since', '1h', '--limit', '99'],
    ['dead-letters', 'list'],
    ['reconcile'],
    ['models', 'probe', 'absent'],
    ['keys', 'revoke', key],
    ['users', 'show', key.slice(0, 100)],
    ...failed.flatMap(id => [
      ['requests', 'show', id],
      ['dead-letters', 'show', id],
      ['logs', id],
    ]),
  ]
  for (const argv of asked)
    for (const format of [[], ['--json']]) {
      const { out, err } = await runSluice(system, ...argv, ...format)
      operated.push(out, err)
    }

  expect(operated.join('').length).toBeGreaterThan(10_000)
  // `models probe` shows operators the headers of pipeline.yaml, which are no secrets. So these headers are left out.
  const secrets = SECRETS.filter(secret => secret !== mark('header-of-endpoint'))
  expect(operated.filter(text => secrets.some(secret => text.includes(secret)) || text.includes(key))).toEqual([])
})

/** Returns the lines that contain a mark or an API key. No log, no metric and no output may contain such a line. */
function leaksIn(lines: readonly string[]): string[] {
  // The log and the terminal may contain the model's own text about a failure (`detail`). So the mark of this text is removed first.
  const ofOthers = lines.map(line => line.replaceAll(OF_MODEL, ''))
  return ofOthers.filter(line => line.match(MARKS) || line.includes('sk_sluice_'))
}

test.for([...SECRETS, ...REPEATED.filter(text => text !== OF_MODEL), newKey()])(
  'the search finds %s in a log line, in a metric and in a line of the terminal',
  planted => {
    const message = `the model said ${planted} to ${OF_MODEL}`
    const lines = [
      JSON.stringify({ level: 'INFO', message, request_id: 'r' }),
      JSON.stringify({ _aws: { Timestamp: 1 }, model: planted, CompletedRequests: 1 }),
      `10:00:03 WARN worker-text: ${message}`,
    ]

    expect(leaksIn([...lines, 'nothing']).length).toBe(3)
  },
)

test('with the log level DEBUG, no log, no metric and no output contains a marked text or a key', async () => {
  const [template = ''] = readdirSync(join(folder, 'cdk.out')).filter(name => name.endsWith('.template.json'))
  expect(readFileSync(join(folder, 'cdk.out', template), 'utf8')).toMatch(/"POWERTOOLS_LOG_LEVEL": ?"DEBUG"/)
  const localJson = readFileSync(join(folder, 'local.json'), 'utf8')
  await system.stop()

  const { out, err } = system.output()
  const logs = readdirSync(join(folder, 'logs')).flatMap(file =>
    readFileSync(join(folder, 'logs', file), 'utf8').split('\n'),
  )
  // `npm start` prints the key of the user demo on purpose, so lines with this key are allowed.
  const printed = [...out.split('\n').filter(line => !line.includes(system.demoKey)), ...err.split('\n')]
  const lines = [...logs, ...printed, ...localJson.split('\n')]

  expect(logs.filter(line => line.includes('"_aws"')).length).toBeGreaterThan(10)
  expect(leaksIn(lines)).toEqual([])
  // The search must also find something, or the test would prove nothing. So a mark is added to real lines of this system, and must be found.
  for (const kept of [logs, printed].map(some => some.filter(line => line !== '').slice(0, 3)))
    expect(leaksIn(kept.map(line => line + mark('prompt')))).toHaveLength(3)
  const uncaught = (line: string) => line.includes("reading 'crash'")
  expect([...logs, ...printed].filter(line => !uncaught(line)).flatMap(internalsOfLog)).toEqual([])
})
