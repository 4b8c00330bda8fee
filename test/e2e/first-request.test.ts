import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { SECRETS_FILE } from '../../lib/local/secrets-file.ts'
import { authorizationOf } from '../../lib/local/trust/access-key.ts'
import { createDatabase } from '../support/postgres.ts'
import { eventually } from './support/eventually.ts'
import { type LedgerRow, ledgerRows } from './support/ledger.ts'
import { fixture, isGroupAlive, type RunningSystem, run, startRefused, startSystem } from './support/system.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-'))
const dataFolder = join(folder, 'data')

afterAll(() => rmSync(folder, { recursive: true }))

const printed = (system: RunningSystem): string[] => system.output().out.trimEnd().split('\n')

/** Runs the printed curl line in a shell, and parses the answer. */
async function pasteCurl(system: RunningSystem) {
  const line = printed(system).find(text => text.startsWith('curl ')) ?? 'no curl line was printed'
  const { out, code } = await run(['sh', '-c', line], {})
  expect(code).toBe(0)
  const [head = '', body = ''] = out.split('\r\n\r\n')
  const [statusLine, ...headers] = head.split('\r\n')
  const pairs = headers.map((header): [string, string] => {
    const colon = header.indexOf(':')
    return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()]
  })
  return { statusLine, headers: Object.fromEntries(pairs), body: JSON.parse(body) as Record<string, unknown> }
}

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
const tokens = {
  prompt_tokens: expect.any(Number),
  completion_tokens: expect.any(Number),
  total_tokens: expect.any(Number),
}

/** Posts with any headers. `fetch` does not allow a caller to set `Host` and `Origin`. */
async function post(url: string, headers: Record<string, string>, body: string) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; body: string }>()
  request(url, { method: 'POST', headers }, async response =>
    resolve({ status: response.statusCode, body: await text(response) }),
  )
    .on('error', reject)
    .end(body)
  return promise
}

/** Posts a request, and compares its row in Postgres with the API's answer about it. */
async function expectWholeRow(system: RunningSystem, readRow: (requestId: string) => Promise<LedgerRow | undefined>) {
  const client = system.client(system.demoKey)
  const prompt = 'Vienna is a lovely city. The trains are late.'
  const request = await client.ended(await client.submit({ prompt, metadata: { ticket: 7 } }))

  const row = (await readRow(String(request.request_id))) ?? {}

  const { usage, attempts, result, error: _, charged: __, ...same } = request
  const { created_at, started_at, completed_at, deadline, ...columns } = row
  const isoOf = (value: unknown) => new Date(String(value)).toISOString()
  expect({
    ...columns,
    created_at: isoOf(created_at),
    started_at: isoOf(started_at),
    completed_at: isoOf(completed_at),
  }).toEqual({
    ...same,
    ...(usage as object),
    attempts,
    result,
    user_id: 'demo',
    prompt,
    run: 1,
    quota_window: String(request.created_at).slice(0, 10),
    // This request has none of the values of these columns: it has not failed, was not deleted, has a model without a price, and fits into a row.
    error: null,
    erased_at: null,
    cost: null,
    prompt_key: null,
    result_key: null,
  })
  expect(Date.parse(String(deadline)) - Date.parse(String(created_at))).toBe(6 * 3_600_000)
}

function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise(resolve => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function expectNothingLeft({ process, apiUrl, localJson }: RunningSystem): Promise<void> {
  await eventually(() => expect(isGroupAlive(process.pid)).toBe(false))
  for (const url of [apiUrl, ...Object.values(localJson.endpoints)]) expect(await isListening(url)).toBe(false)
}

describe('npm start', () => {
  let system: RunningSystem
  let firstId: string

  beforeAll(async () => {
    system = await startSystem({ SLUICE_DATA: dataFolder }, ['npm', 'start'])
  })

  afterAll(() => system.stop())

  test('`npm start` prints its progress, the API, a key and a curl line, and then that it is ready', () => {
    const lines = printed(system)
    const positions = [/^starting /, /^API +http/, /sk_sluice_\w{38}$/, /^curl /, /^ready /].map(pattern =>
      lines.findIndex(line => pattern.test(line)),
    )
    expect(positions).not.toContain(-1)
    expect(positions).toEqual(positions.toSorted((a, b) => a - b))
    expect(lines.at(-1)).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+$/)
    expect(lines.at(-1)).toBe(`ready ${system.localJson.apiUrl}`)
  })

  test('the API answers the printed curl line with 202 and all fields of an accepted request', async () => {
    const { statusLine, headers, body } = await pasteCurl(system)

    expect(statusLine).toBe('HTTP/1.1 202 Accepted')
    expect(body).toEqual({
      request_id: uuid,
      status: 'queued',
      estimated_tokens: 38,
      model: 'text',
      priority: 'normal',
      created_at: time,
    })
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      location: `/v1/inference/${body.request_id}`,
      'retry-after': '1',
      'x-request-id': body.request_id,
      'ratelimit-policy': '"requests";q=100;w=86400, "tokens";q=10000;w=86400',
      ratelimit: expect.stringMatching(/^"requests";r=99;t=\d+, "tokens";r=9962;t=\d+$/),
    })
    firstId = String(body.request_id)
  })

  test('the first request completes with a result and its usage, and is charged exactly this usage', async () => {
    const client = system.client(system.demoKey)

    const request = await client.ended(firstId)

    expect(request).toEqual({
      request_id: firstId,
      status: 'completed',
      model: 'text',
      priority: 'normal',
      estimated_tokens: 38,
      created_at: time,
      started_at: time,
      completed_at: time,
      attempts: 1,
      result: expect.objectContaining({ sentiment: expect.anything(), summary: expect.any(String) }),
      usage: tokens,
      charged: { requests: 1, tokens: expect.any(Number) },
    })
    const { total_tokens } = request.usage as { total_tokens: number }
    expect(total_tokens).toBeGreaterThan(0)
    expect(request.charged).toEqual({ requests: 1, tokens: total_tokens })
    await client.settledQuota()
    expect((await client.send('GET', '/v1/quota')).body).toEqual({
      window: String(request.created_at).slice(0, 10),
      resets_at: expect.stringMatching(/T00:00:00\.000Z$/),
      plan: 'free',
      requests: { used: 1, limit: 100 },
      tokens: { used: total_tokens, reserved: 0, limit: 10_000 },
      in_flight: { used: 0, limit: 20 },
    })
  })

  test('a row in Postgres has all data of the request', async () => {
    await expectWholeRow(system, async id => (await ledgerRows(system, 'demo')).find(row => row.request_id === id))
  })

  test('`npm start` refuses to start a second time on the same port or with the same data, and prints one line', async () => {
    const { port } = new URL(system.apiUrl)
    const samePort = await startRefused({ PORT: port })
    const sameData = await startRefused({ SLUICE_DATA: dataFolder })

    expect(samePort).toMatchObject({ code: 1, err: expect.stringMatching(/^Port \d+ is in use[^\n]*\n$/) })
    expect(sameData).toMatchObject({ code: 1, err: expect.stringMatching(/ is in use by another npm start[^\n]*\n$/) })
    expect(await system.client().send('GET', '/healthz')).toMatchObject({ status: 200 })
  })

  test('`npm start` exits with 0 after Ctrl-C, and leaves no process and no open port', async () => {
    expect(await system.stop()).toBe(0)

    await expectNothingLeft(system)
    expect(system.output().err).not.toMatch(/error/i)
    expect(existsSync(join(dataFolder, 'local.json'))).toBe(false)
  })

  test('the results, the quota and the key are kept over a restart', async () => {
    const again = await startSystem({ SLUICE_DATA: dataFolder, PORT: new URL(system.apiUrl).port })
    onTestFinished(async () => void (await again.stop()))
    const client = again.client(system.demoKey)

    expect(again.apiUrl).toBe(system.apiUrl)
    expect(await client.ended(firstId)).toMatchObject({ status: 'completed', result: expect.anything(), usage: tokens })
    expect(await client.quota()).toMatchObject({ requests: { used: 2 } })
    expect((await client.ended(await client.submit({ prompt: 'and on we go' }))).status).toBe('completed')
    expect(await again.stop()).toBe(0)
    await expectNothingLeft(again)
  })
})

test('npm start exits with 0 after Ctrl-C even if its code is still loading', async () => {
  const interrupt = fileURLToPath(new URL('support/interrupt-while-loading.ts', import.meta.url))

  expect(await run([process.execPath, '--import', interrupt, 'bin/local.ts'], {})).toEqual({
    code: 0,
    out: '',
    err: '',
  })
})

describe.skipIf(!process.env.DATABASE_URL)('with DATABASE_URL', () => {
  test('the whole request is in that Postgres', async () => {
    const database = await createDatabase(process.env.DATABASE_URL ?? '')
    onTestFinished(database.drop)
    const system = await startSystem({ DATABASE_URL: database.url })
    onTestFinished(async () => void (await system.stop()))
    const postgres = new Client({ connectionString: database.url })
    await postgres.connect()
    onTestFinished(() => postgres.end())

    await expectWholeRow(system, async id => {
      const { rows } = await postgres.query('SELECT row_to_json(r) AS row FROM requests r WHERE request_id = $1', [id])
      return rows[0]?.row
    })
  })

  test('a restart accepts another address of the same database, and refuses every other database', {
    timeout: 300_000,
  }, async () => {
    const own = await createDatabase(process.env.DATABASE_URL ?? '')
    const other = await createDatabase(process.env.DATABASE_URL ?? '')
    onTestFinished(() => Promise.all([own.drop(), other.drop()]).then(() => {}))
    const data = mkdtempSync(join(tmpdir(), 'sluice-database-'))
    onTestFinished(() => rmSync(data, { recursive: true }))
    const first = await startSystem({ DATABASE_URL: own.url, SLUICE_DATA: data })
    await first.stop()

    for (const [settings, sentence] of [
      [{ DATABASE_URL: other.url }, 'is not the database that'],
      [{}, 'was filled with the Postgres at'],
    ] as const)
      expect(await startRefused({ SLUICE_DATA: data, ...settings })).toMatchObject({
        code: 1,
        err: expect.stringMatching(new RegExp(`^[^\\n]*${sentence}[^\\n]*\\n$`)),
      })

    const again = await startSystem({ DATABASE_URL: own.url.replace('127.0.0.1', 'localhost'), SLUICE_DATA: data })
    expect(await again.stop()).toBe(0)
  })

  test('no caller of the local system can run a program on the machine through Postgres, even if the database user is a superuser', async () => {
    const database = await createDatabase(process.env.DATABASE_URL ?? '')
    onTestFinished(database.drop)
    const system = await startSystem({ DATABASE_URL: database.url })
    onTestFinished(async () => void (await system.stop()))
    // Postgres runs as another user of the machine. This folder is open to all users. So if no file appears in it, the reason is that Postgres has run
    // no program, and not that it may not write here.
    const open = mkdtempSync(join(tmpdir(), 'sluice-program-'))
    chmodSync(open, 0o777)
    onTestFinished(() => rmSync(open, { recursive: true }))
    const file = join(open, 'made')
    const { rds_data } = system.localJson.endpoints
    const execute = (headers: Record<string, string>, secretArn: string, sql: string) =>
      post(`${rds_data}/Execute`, headers, JSON.stringify({ resourceArn: 'arn:c', secretArn, sql }))
    const copy = `COPY (SELECT 1) TO PROGRAM 'touch ${file}'`
    const type = 'content-type'
    const signed = { authorization: authorizationOf(system.localJson.accessKeyId) }

    for (const headers of [
      { [type]: 'text/plain', origin: 'https://evil.example' },
      { [type]: 'text/plain' },
      { [type]: 'application/json' },
      { ...signed, [type]: 'application/json', origin: 'null' },
      { ...signed, [type]: 'application/x-www-form-urlencoded' },
      { ...signed, [type]: 'multipart/form-data; boundary=x' },
      { ...signed, [type]: 'text/plain' },
      { ...signed, [type]: 'application/json', host: 'evil.example' },
    ])
      expect(await execute(headers, 'arn:s', copy), JSON.stringify(headers)).toMatchObject({ status: 403 })

    const secrets = Object.keys(JSON.parse(readFileSync(join(system.dataFolder, 'secrets.json'), 'utf8')))
    expect(secrets.length).toBeGreaterThanOrEqual(3)
    const json = { ...signed, [type]: 'application/json' }
    for (const secret of secrets) {
      const who = await execute(json, secret, 'SELECT current_user')
      expect(who.status).toBe(200)
      expect(await execute(json, secret, copy), `${secret} ${who.body}`).toMatchObject({
        status: 400,
        body: expect.stringContaining('42501'),
      })
    }
    expect(existsSync(file)).toBe(false)
  })
})

describe('npm start refuses to start, and prints one line', () => {
  test.for([
    ['typo.yaml', ':8:55: models.text.endpoint has no key "timout"; did you mean "timeout"?'],
    [
      'bad-duration.yaml',
      ':8:64: models.text.endpoint.timeout must be a duration from 1s to 14m, such as 60s, not "10 minutes"',
    ],
    ['unset-variable.yaml', ':8:23: the variable MODEL_THAT_IS_NOT_SET is not set; '],
    ['bad-mapping.yaml', ':9:32: models.text.request is not valid JSONata: '],
    ['nowhere.yaml', ':1:1: there is no such file'],
  ] as const)('npm start refuses the file %s: %s', async ([name, problem]) => {
    const file = fixture(name)

    const { code, out, err } = await startRefused({ SLUICE_CONFIG: file })

    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err.split('\n')).toEqual([expect.stringContaining(file + problem), ''])
  })

  test.for([
    [{ PORT: 'http' }, /^PORT must be a number[^\n]*\n$/],
    [
      { SLUICE_CONFIG: fixture('many-models.yaml'), MODEL_URL: 'http://127.0.0.1:1', ABSENT_URL: 'http://127.0.0.1:1' },
      /^models\.image needs the secret models\/image-key: set the variable MODELS_IMAGE_KEY to it\.\n$/,
    ],
    [{ DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/ledger' }, /^DATABASE_URL [^\n]* can't be reached[^\n]*\n$/],
  ] as const)('npm start refuses the settings %j', async ([settings, line]) => {
    const { code, out, err } = await startRefused(settings)

    expect(code).toBe(1)
    expect(err).toMatch(line)
    expect(out + err).not.toContain('hunter2')
  })

  test('npm start refuses a data folder whose file of secrets is damaged, before the emulators start, and does not change the file', async () => {
    const data = mkdtempSync(join(folder, 'damaged-'))
    const file = join(data, SECRETS_FILE)
    writeFileSync(file, '{"arn:aws:')

    const { code, out, err } = await startRefused({ SLUICE_DATA: data })

    expect(code).toBe(1)
    expect(out).not.toContain('starting')
    expect(err).toBe(`${file} is damaged: restore the file, or delete the folder ${data} to begin with new data.\n`)
    expect(readFileSync(file, 'utf8')).toBe('{"arn:aws:')
  })
})
