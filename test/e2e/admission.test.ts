import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { namedThreadsOf } from '../profile/threads.ts'
import type { ApiAnswer, ApiClient } from './support/api-client.ts'
import { ledgerRows } from './support/ledger.ts'
import { startTestModel, type TestModel, usualUsage } from './support/model.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('one-model.yaml'), MODEL_URL: model.url })
})

afterAll(async () => {
  await system.stop()
  await model.close()
})

async function postTimes(client: ApiClient, times: number, prompt: string) {
  const answers = await Promise.all(Array.from({ length: times }, () => client.post({ prompt })))
  const withStatus = (status: number) => answers.filter(answer => answer.status === status)
  expect(withStatus(202).length + withStatus(429).length).toBe(times)
  return { accepted: withStatus(202), refused: withStatus(429) }
}

/** Waits until all requests have ended, and expects the used tokens of the user's quota to be the sum of the user's rows in the ledger. */
async function expectQuotaOfLedger(client: ApiClient & { user: string }, requests: number): Promise<void> {
  const quota = await client.settledQuota()
  const rows = await ledgerRows(system, client.user)
  expect(rows.map(({ status, error }) => ({ status, error }))).toEqual(
    Array(requests).fill({ status: 'completed', error: null }),
  )
  const tokens = rows.reduce((sum, { total_tokens }) => sum + Number(total_tokens), 0)
  expect(quota).toMatchObject({ requests: { used: requests }, tokens: { used: tokens, reserved: 0 } })
  expect(tokens).toBe(requests * usualUsage.total_tokens)
}

const secondsTo = (time: string): number => (Date.parse(time) - Date.now()) / 1000

const retryAfter = ({ headers }: ApiAnswer): number => Number(headers['retry-after'])

/** Counts the threads of the system every 10 ms until `end`, and returns the highest count of each name. */
async function mostThreadsUntil(end: Promise<unknown>): Promise<Map<string, number>> {
  const most = new Map<string, number>()
  const timer = setInterval(() => {
    if (system.process.exitCode !== null || system.process.signalCode !== null) return
    for (const [name, count] of namedThreadsOf(system.process.pid ?? 0))
      most.set(name, Math.max(count, most.get(name) ?? 0))
  }, 10)
  await end.finally(() => clearInterval(timer))
  return most
}

describe('200 posts at once:', () => {
  test.skipIf(process.platform !== 'linux')(
    'the invocations of 200 simultaneous posts share threads: at most four threads of a function of the API run them, since each thread takes 64',
    async () => {
      const client = await system.newUser()
      const done = postTimes(client, 200, 'with few threads').then(() => client.settledQuota())

      const most = await mostThreadsUntil(done)

      const atMost = (name: string, limit: number) => expect(most.get(name), name).toBeLessThanOrEqual(limit)
      for (const name of ['authorizer', 'gateway']) atMost(name, Math.ceil(200 / 64))
      for (const name of ['worker-text', 'collector']) atMost(name, 2)
    },
  )

  test('100 of 200 simultaneous posts are accepted if the user has a limit of 100 requests, and the others get a 429 with a Retry-After until the end of the quota window', async () => {
    const client = await system.newUser({ requests: 100 })

    const { accepted, refused } = await postTimes(client, 200, 'one of many')

    expect(accepted).toHaveLength(100)
    expect(new Set(accepted.map(({ body }) => body.request_id)).size).toBe(100)
    for (const answer of refused) {
      expect(answer.body).toEqual({
        error: 'request quota exceeded',
        status: 'error',
        code: 'quota_exceeded',
        limit: 'requests',
        requests: { used: 100, limit: 100 },
        tokens: { used: expect.any(Number), limit: 1_000_000, estimated: 6 },
        in_flight: { used: expect.any(Number), limit: expect.any(Number) },
      })
    }
    const { body } = await client.send('GET', '/v1/quota')
    const toReset = secondsTo(String(body.resets_at))
    for (const answer of refused) expect(Math.abs(retryAfter(answer) - toReset)).toBeLessThan(60)
    await expectQuotaOfLedger(client, 100)
  })

  test('50 of 200 simultaneous posts are accepted if the user has a token limit for 50 requests', async () => {
    const prompt = 'forty characters make twenty tokens here'
    const held = model.hold(prompt)
    const client = await system.newUser({ tokens: 1010 })

    const { accepted, refused } = await postTimes(client, 200, prompt)

    expect(accepted).toHaveLength(50)
    expect(await client.quota()).toMatchObject({ tokens: { used: 1000, reserved: 1000, limit: 1010 } })
    for (const { body } of refused) {
      expect(body).toEqual({
        error: 'token quota exceeded',
        status: 'error',
        code: 'quota_exceeded',
        limit: 'tokens',
        requests: { used: 50, limit: 1000 },
        tokens: { used: 1000, limit: 1010, estimated: 20 },
        in_flight: { used: expect.any(Number), limit: expect.any(Number) },
      })
    }
    held.release()
    await expectQuotaOfLedger(client, 50)
  })

  test('30 of 200 simultaneous posts are accepted if the user has a limit of 30 requests in flight, and the user may post again when these requests have ended', async () => {
    const held = model.hold('held in flight')
    const client = await system.newUser({ in_flight: 30 })

    const { accepted, refused } = await postTimes(client, 200, 'held in flight')

    expect(accepted).toHaveLength(30)
    expect(await client.quota()).toMatchObject({ in_flight: { used: 30, limit: 30 } })
    for (const answer of refused) {
      expect(answer.body).toMatchObject({ error: 'in-flight quota exceeded', code: 'quota_exceeded' })
      expect(retryAfter(answer)).toBeGreaterThan(0)
      expect(retryAfter(answer)).toBeLessThan(60)
    }
    held.release()
    await expectQuotaOfLedger(client, 30)
    await client.submit({ prompt: 'held in flight' })
    await expectQuotaOfLedger(client, 31)
  })

  test('90 of 200 simultaneous posts are accepted if the user has a limit of 90 requests, which is divided among three shards', async () => {
    const client = await system.newUser({ plan: 'sharded' })

    const { accepted, refused } = await postTimes(client, 200, 'one of a shard')

    expect(accepted).toHaveLength(90)
    for (const { body } of refused) {
      expect(body).toMatchObject({ error: 'request quota exceeded', requests: { used: 90, limit: 90 } })
    }
    await expectQuotaOfLedger(client, 90)
  })
})

test('two users who post at the same time each have their own limit', async () => {
  const clients = await Promise.all([system.newUser({ requests: 20 }), system.newUser({ requests: 25 })])

  const [one, other] = await Promise.all(clients.map(client => postTimes(client, 50, 'one of two')))

  expect([one?.accepted.length, other?.accepted.length]).toEqual([20, 25])
  await Promise.all([expectQuotaOfLedger(clients[0], 20), expectQuotaOfLedger(clients[1], 25)])
})

test('the headers of each 202 say how much of the quota is left', async () => {
  const client = await system.newUser({ requests: 2 })

  const first = await client.post({ prompt: 'first' })
  const second = await client.post({ prompt: 'second' })
  const third = await client.post({ prompt: 'third' })

  expect(first.headers['ratelimit-policy']).toBe('"requests";q=2;w=86400, "tokens";q=1000000;w=86400')
  expect(first.headers.ratelimit).toMatch(/^"requests";r=1;t=\d+, "tokens";r=999996;t=\d+$/)
  expect(second.headers.ratelimit).toMatch(/^"requests";r=0;t=\d+, /)
  expect(third.status).toBe(429)
})
