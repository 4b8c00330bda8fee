import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jsonOfSluice, runSluice } from './support/sluice.ts'
import { fixture, type RunningSystem, run, startSystem } from './support/system.ts'

let system: RunningSystem

beforeAll(async () => {
  system = await startSystem({ SLUICE_CONFIG: 'pipeline.yaml' })
})

afterAll(() => system.stop())

const sluice = (...argv: string[]) => runSluice(system, ...argv)
const json = <T>(...argv: string[]) => jsonOfSluice<T>(system, ...argv)

interface CreatedKey {
  readonly key: string
  readonly key_id: string
}

describe('keys', () => {
  test('keys that `npx sluice` creates are shown only once, and are accepted by the API', async () => {
    const { code, out } = await run(['npx', 'sluice', 'keys', 'create', '--user', 'u42', '--json'], {
      SLUICE_DATA: system.dataFolder,
    })
    expect(code).toBe(0)
    const created = JSON.parse(out)

    expect(created).toEqual({
      key: expect.stringMatching(/^sk_sluice_[0-9A-Za-z]{38}$/),
      key_id: expect.any(String),
      user: 'u42',
      plan: 'free',
      expires_at: expect.any(String),
    })
    expect(await system.client(created.key).send('GET', '/v1/quota')).toMatchObject({
      status: 200,
      body: { plan: 'free' },
    })
    const { out: list } = await sluice('keys', 'list', '--user', 'u42')
    expect(list).toContain(created.key_id)
    expect(list).not.toContain(created.key)
  })

  test('keys can be created with a plan and a time at which they expire', async () => {
    const created = await json<object>('keys', 'create', '--user', 'u43', '--plan', 'pro', '--expires', '90d')
    expect(created).toMatchObject({ user: 'u43', plan: 'pro', expires_at: expect.any(String) })
    const [listed] = await json<{ expires_at: string }[]>('keys', 'list', '--user', 'u43')
    expect(listed).toMatchObject({ user: 'u43', state: 'active' })
    const days = (Date.parse(listed?.expires_at ?? '') - Date.now()) / 86_400_000
    expect(days).toBeCloseTo(90, 1)
  })

  test('revoked keys are refused by the API', async () => {
    const { key, key_id } = await json<CreatedKey>('keys', 'create', '--user', 'revoked')

    expect(await json('keys', 'revoke', key_id)).toMatchObject({ key_id, state: 'revoked' })

    expect(await system.client(key).send('GET', '/v1/quota')).toMatchObject({ status: 403 })
    expect((await sluice('keys', 'revoke', key_id)).code).toBe(0)
  })

  test('`keys rotate` replaces a key by a new key', async () => {
    const old = await json<CreatedKey>('keys', 'create', '--user', 'rotated')

    const created = await json<CreatedKey>('keys', 'rotate', old.key_id)

    expect(created).toMatchObject({ user: 'rotated', plan: 'free', revoked: old.key_id })
    expect(await system.client(created.key).send('GET', '/v1/quota')).toMatchObject({ status: 200 })
    expect(await system.client(old.key).send('GET', '/v1/quota')).toMatchObject({ status: 403 })
    expect(await sluice('keys', 'rotate', old.key_id)).toMatchObject({ code: 1 })
  })
})

describe('users', () => {
  test('users have the limits that an operator sets for them', async () => {
    const set = await json(
      'users',
      'set',
      'limited',
      '--plan',
      'pro',
      '--requests',
      '8',
      '--tokens',
      '4000',
      '--in-flight',
      '12',
    )
    const { key } = await json<CreatedKey>('keys', 'create', '--user', 'limited')

    expect(await json('users', 'show', 'limited')).toEqual(set)
    expect(set).toMatchObject({ user: 'limited', plan: 'pro', limits: { requests: 8, tokens: 4000, in_flight: 12 } })
    const limits = { requests: { limit: 8 }, tokens: { limit: 4000 }, in_flight: { limit: 12 } }
    expect((await system.client(key).send('GET', '/v1/quota')).body).toMatchObject({ plan: 'pro', ...limits })
    expect((await system.client(key).post({ prompt: 'now', priority: 'high' })).status).toBe(202)
  })

  test('users get the limit of their plan back when their own limit is removed', async () => {
    await json('users', 'set', 'relaxed', '--requests', '3')
    expect(await json('users', 'set', 'relaxed', '--requests', 'default')).toMatchObject({ limits: { requests: 100 } })
  })
})

describe('quotas and requests', () => {
  test('`quota show` and `requests show` print the same data as the API', async () => {
    const { key } = await json<CreatedKey>('keys', 'create', '--user', 'asking')
    const client = system.client(key)
    const prompt = 'A wonderful morning in Prague.'
    const id = await client.submit({ prompt, metadata: { ticket: 7 } })
    const request = await client.ended(id)
    const quota = await client.settledQuota()

    const [quotaShown, listed, completed, failed, shown] = await Promise.all([
      json('quota', 'show', 'asking'),
      json('requests', 'list', '--user', 'asking'),
      json('requests', 'list', '--user', 'asking', '--status', 'completed'),
      json('requests', 'list', '--user', 'asking', '--status', 'failed'),
      json('requests', 'show', id),
    ])

    expect(quotaShown).toEqual({ user: 'asking', ...quota, open: [] })
    expect(listed).toEqual([
      expect.objectContaining({ request_id: id, user: 'asking', status: 'completed', usage: request.usage }),
    ])
    expect([completed, failed]).toEqual([listed, []])
    expect(shown).toMatchObject({ ...request, user: 'asking', prompt, run: 1 })
  })

  test('`quota show` shows the numbers of another quota window', async () => {
    const shown = await json('quota', 'show', 'demo', '--window', '2026-01-02')
    expect(shown).toMatchObject({ window: '2026-01-02', requests: { used: 0 }, tokens: { used: 0 } })
  })

  test('without the option --json, commands print columns', async () => {
    const [quota, requests] = await Promise.all([sluice('quota', 'show', 'demo'), sluice('requests', 'list')])
    expect(quota).toMatchObject({ code: 0, out: expect.stringMatching(/^requests +\d+ of 100$/m) })
    expect(requests).toMatchObject({ code: 0, out: expect.stringMatching(/^REQUEST +AGE +USER/) })
  })
})

describe('lists of models', () => {
  test('`models list` shows the models with the reasons that defer their calls, and with the number of waiting requests', async () => {
    const { key } = await json<CreatedKey>('keys', 'create', '--user', 'patient')
    const client = system.client(key)
    await client.ended(await client.submit({ prompt: 'A quiet evening in Brno.' }))

    const models = await json<object[]>('models', 'list')

    expect(models).toEqual([
      expect.objectContaining({ model: 'text', circuit: expect.objectContaining({ failures: 0 }) }),
    ])
    expect(models[0]).toMatchObject({ waiting: { high: 0, normal: expect.any(Number) } })
    expect(await sluice('models', 'reset', 'text')).toMatchObject({ code: 0, err: '' })
    expect(await sluice('models', 'reset', 'picture')).toMatchObject({ code: 1, out: '' })
  })
})

describe('doctor', () => {
  interface Examined {
    readonly ok: boolean
    readonly checks: readonly { readonly check: string; readonly state: string; readonly found: string }[]
  }

  test('`doctor` sends a request through the local system, and finds nothing wrong', async () => {
    const { ok, checks } = await json<Examined>('doctor')

    expect(checks.filter(({ state }) => state !== 'ok')).toEqual([])
    expect(ok).toBe(true)
    expect(checks.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['pipeline', 'stores', 'request', 'log of gateway']),
    )
    const [request] = await json<object[]>('requests', 'list', '--user', 'sluice-doctor')
    expect(request).toMatchObject({ status: 'completed' })
    expect(await json('keys', 'list', '--user', 'sluice-doctor')).toEqual([])
  })
})

describe('config', () => {
  test('`config check` says whether a pipeline.yaml is valid', async () => {
    const [right, wrong] = await Promise.all([
      sluice('config', 'check'),
      sluice('config', 'check', fixture('typo.yaml')),
    ])
    expect(right).toMatchObject({ code: 0, out: expect.stringContaining('pipeline.yaml') })
    expect(wrong).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/typo\.yaml:8:55: .*"timeout"\?\n$/) })
  })

  test('`config schema` prints the schema that is in docs/pipeline.schema.json', async () => {
    const { default: published } = await import('../../docs/pipeline.schema.json', { with: { type: 'json' } })
    expect(await json('config', 'schema')).toEqual(published)
  })
})

describe('exit codes', () => {
  const inAProcess = (line: string, dataFolder = system.dataFolder) =>
    run([process.execPath, 'bin/sluice.ts', ...line.split(' ')], { SLUICE_DATA: dataFolder })

  test('the exit code of a command that succeeds is 0', async () => {
    expect(await inAProcess('users show demo')).toMatchObject({ code: 0, err: '' })
  })

  test('the exit code of a refused command is 1, after one sentence about the reason', async () => {
    const refused = { code: 1, out: '', err: expect.stringMatching(/^error: [^\n]+\n$/) }
    expect(await inAProcess('users show nobody')).toEqual(refused)
    expect(await sluice('keys', 'revoke', 'no-such-key')).toEqual(refused)
    expect(await sluice('keys', 'rotate', 'no-such-key')).toEqual(refused)
    expect(await sluice('keys', 'create', '--user', 'u44', '--plan', 'gold')).toEqual(refused)
    expect(await sluice('quota', 'show', 'nobody')).toEqual(refused)
    expect(await sluice('requests', 'show', '01a206db-41b7-7114-9466-684e84d9becc')).toEqual(refused)
  })

  test('the exit code of a command is 1 if no local system runs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-'))
    const { code, err } = await inAProcess('keys list', folder)
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^error: no local system runs[^\n]+\n$/) })
    rmSync(folder, { recursive: true })
  })

  test('the exit code of a command with missing or unknown options is 2, after one sentence about the reason', async () => {
    const wrong = { code: 2, out: '', err: expect.stringMatching(/^error: [^\n]+\n$/) }
    expect(await inAProcess('keys create')).toEqual(wrong)
    expect(await sluice('keys', 'fetch')).toEqual(wrong)
    expect(await sluice('keys', 'create', '--user', 'not a user')).toEqual(wrong)
    expect(await sluice('users', 'set', 'u42', '--requests', '-1')).toEqual(wrong)
    expect(await sluice('requests', 'list', '--status', 'lost')).toEqual(wrong)
    expect(await sluice('quota', 'show', 'u42', '--window', 'yesterday')).toEqual(wrong)
  })
})
