import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Reservation } from '../../../functions/core/domain/item.ts'
import { dynamoAccessAdmin } from '../../../functions/core/stores/access/admin.ts'
import { dynamoQuota } from '../../../functions/core/stores/quota/dynamodb.ts'
import { jsonOf, startTables } from './local-system.ts'

const NOON = '2026-11-23T12:00:00.000Z'

let system: Awaited<ReturnType<typeof startTables>>
beforeAll(async () => {
  system = await startTables()
})
afterAll(() => system.close())

const atNoon = (line: string) => system.at(NOON)(line)
const json = jsonOf(atNoon)

describe('users disable', () => {
  it('a disabled user is shown as disabled by `users show`, stays disabled when the plan or the limits change, and is enabled again by `users enable`', async () => {
    const { was, ...user } = { was: await json('users set off --requests 7'), user: 'off' }

    expect(await json('users disable off')).toEqual({ ...was, disabled_at: NOON })
    expect(await json('users set off --requests 8')).toMatchObject({ ...user, disabled_at: NOON })
    await system.at('2026-11-24T12:00:00.000Z')('users disable off')
    expect(await json('users show off')).toMatchObject({ disabled_at: NOON })
    expect(await json('users enable off')).toEqual({
      ...was,
      limits: { ...was.limits, requests: 8 },
      overrides: { requests: 8 },
    })
  })

  it('`users disable` refuses a user that does not exist', async () => {
    expect(await atNoon('users disable nobody')).toMatchObject({ code: 1, out: '' })
  })
})

describe('users set', () => {
  it('`users set` replaces the limits of the plan by limits of the user', async () => {
    expect(await json('users set u1 --plan pro --requests 7 --in-flight 400')).toEqual({
      user: 'u1',
      plan: 'pro',
      effective_plan: 'pro',
      overrides: { requests: 7, in_flight: 400 },
      limits: { requests: 7, tokens: 50000000, in_flight: 400 },
    })
  })

  it('`users set` keeps the user’s limits that the command does not name, and removes a limit that is set to `default`', async () => {
    await atNoon('users set u2 --requests 7 --tokens 8')

    await atNoon('users set u2 --requests default')

    expect(await json('users show u2')).toMatchObject({
      overrides: { tokens: 8 },
      limits: { requests: 100, tokens: 8 },
    })
  })

  it('`users set` keeps a change of the same user that another operator makes at the same time', async () => {
    const changes = ['--plan pro', '--requests 7', '--tokens 8']
    await Promise.all(changes.map(change => atNoon(`users set together ${change}`)))

    expect(await json('users show together')).toMatchObject({ plan: 'pro', overrides: { requests: 7, tokens: 8 } })
  })

  it('`users set` refuses more requests in flight than the shards of the plan (parts of a user’s counters) can keep, also if only the plan changes', async () => {
    const tooMany = await atNoon('users set u3 --in-flight 101')
    await atNoon('users set u4 --plan pro --in-flight 101')
    const tooManyThen = await atNoon('keys create --user u4 --plan free')

    expect(tooMany.err).toBe(
      "error: u3 can't have 101 requests in flight: the plan free keeps at most 100 (100 for each of its shards, of which it has 1)\n",
    )
    expect([tooMany.code, tooManyThen.code]).toEqual([1, 1])
    expect(await json('users show u4')).toMatchObject({ plan: 'pro' })
  })

  it('`users set` refuses a limit that is too small to be split over the shards of the plan', async () => {
    expect(await atNoon('users set u5 --plan pro --requests 3')).toEqual({
      code: 1,
      out: '',
      err: "error: u5 can't have the limit requests 3: the plan pro splits it over 4 shards, so 4 is the least\n",
    })
  })

  it.each(['', ' --requests 0', ' --tokens -1', ' --tokens 1.5', ' --in-flight many', ' --requests 1e3'])(
    '"users set u6%s" is rejected as wrong usage',
    async options => {
      expect((await atNoon(`users set u6${options}`)).code).toBe(2)
    },
  )
})

describe('users show', () => {
  it('`users show` prints the limits of a user, and marks the limits that differ from the plan', async () => {
    await atNoon('users set shown --tokens 5000')

    expect((await atNoon('users show shown')).out).toBe(
      [
        'user       shown',
        'plan       free',
        'requests   100',
        "tokens     5000 (the user's own)",
        'in flight  20',
        '',
      ].join('\n'),
    )
  })

  it('`users show` reports that the pipeline file no longer has the plan of a user', async () => {
    const access = dynamoAccessAdmin(system.client, { keys: 'KeysTable', users: 'UsersTable' })
    await access.replaceUser(undefined, { user_id: 'old', plan: 'gold', overrides: {} })

    expect((await atNoon('users show old')).out).toContain('gold, which pipeline.yaml no longer has: free applies')
    expect(await json('users show old')).toMatchObject({ plan: 'gold', effective_plan: 'free' })
  })

  it('`users show` refuses a user who does not exist', async () => {
    expect(await atNoon('users show stranger')).toEqual({
      code: 1,
      out: '',
      err: 'error: there is no user stranger: make one with users set, or with keys create\n',
    })
  })
})

describe('quota show', () => {
  const first: Reservation = {
    user_id: 'busy',
    request_id: '019ab000-0000-7000-8000-000000000001',
    run: 1,
    window: '2026-11-23',
    shard: 0,
    nonce: 'n1',
    estimate: 12,
    holds_request: true,
  }
  const second = { ...first, request_id: '019ab000-0000-7000-8000-000000000002', shard: 3, nonce: 'n2', estimate: 30 }
  const limits = { requests: 10, tokens: 1000, in_flight: 10 }

  beforeAll(async () => {
    const quota = dynamoQuota(system.client, 'QuotaTable')
    await atNoon('users set busy --plan pro')
    await quota.reserve({ ...first, request_id: '019ab000-0000-7000-8000-000000000000' }, limits, Date.parse(NOON))
    await quota.close([{ reservation: { ...first, request_id: '019ab000-0000-7000-8000-000000000000' }, charge: 100 }])
    await quota.reserve(first, limits, Date.parse('2026-11-23T11:59:00Z'))
    await quota.reserve(second, limits, Date.parse('2026-11-23T11:58:00Z'))
  })

  it('`quota show` prints the answer of GET /v1/quota, and each open reservation of all shards, oldest first', async () => {
    expect(await json('quota show busy')).toEqual({
      user: 'busy',
      window: '2026-11-23',
      resets_at: '2026-11-24T00:00:00.000Z',
      plan: 'pro',
      requests: { used: 3, limit: 100000 },
      tokens: { used: 142, reserved: 42, limit: 50000000 },
      in_flight: { used: 2, limit: 400 },
      open: [
        {
          request_id: second.request_id,
          run: 1,
          tokens: 30,
          reserved_at: '2026-11-23T11:58:00.000Z',
          age_seconds: 120,
        },
        { request_id: first.request_id, run: 1, tokens: 12, reserved_at: '2026-11-23T11:59:00.000Z', age_seconds: 60 },
      ],
    })
  })

  it('`quota show` prints aligned columns for people without --json', async () => {
    expect((await atNoon('quota show busy')).out).toBe(
      [
        'user       busy',
        'plan       pro',
        'window     2026-11-23, until 2026-11-24T00:00:00.000Z',
        'requests   3 of 100000',
        'tokens     142 of 50000000, 42 of them reserved',
        'in flight  2 of 400',
        '',
        'OPEN RESERVATION                      RUN  TOKENS  AGE',
        '019ab000-0000-7000-8000-000000000002  1    30      2m',
        '019ab000-0000-7000-8000-000000000001  1    12      60s',
        '',
      ].join('\n'),
    )
  })

  it('`quota show` shows an earlier window with --window', async () => {
    expect(await json('quota show busy --window 2026-11-22')).toMatchObject({
      window: '2026-11-22',
      resets_at: '2026-11-23T00:00:00.000Z',
      requests: { used: 0 },
      open: [],
    })
    expect(
      JSON.parse((await system.at('2026-12-24T00:00:00Z')('quota show busy --window 2026-11-23 --json')).out),
    ).toMatchObject({ requests: { used: 3 } })
  })

  it('`quota show` refuses a window of an hour if quotas count by the day, and refuses an unknown user', async () => {
    expect((await atNoon('quota show busy --window 2026-11-23T10')).err).toBe(
      'error: quotas count by the day here: name a window such as 2026-11-23\n',
    )
    expect(await atNoon('quota show stranger --json')).toEqual({
      code: 1,
      out: '',
      err: '{"error":"there is no user stranger: make one with users set, or with keys create"}\n',
    })
  })

  it.each(['today', '2026-11', '2026-02-31', '2026-11-23T24', '2026-11-23T10:00'])(
    '`quota show` rejects the window %s as wrong usage',
    async window => {
      expect((await atNoon(`quota show busy --window ${window}`)).code).toBe(2)
    },
  )
})
