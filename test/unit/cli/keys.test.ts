import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorize } from '../../../functions/authorizer/authorize.ts'
import { dynamoAccess } from '../../../functions/core/stores/access/dynamodb.ts'
import { jsonOf, startTables } from './local-system.ts'

const NOON = '2026-11-23T12:00:00.000Z'

let system: Awaited<ReturnType<typeof startTables>>
beforeAll(async () => {
  system = await startTables()
})
afterAll(() => system.close())

const atNoon = (line: string) => system.at(NOON)(line)
const json = jsonOf(atNoon)
const callerOf = (key: string, now = NOON) =>
  authorize(dynamoAccess(system.client, { keys: 'KeysTable', users: 'UsersTable' }), key, Date.parse(now))

describe('keys create', () => {
  it('`keys create` prints exactly the key, its id, the user, the plan and the expiry, a year later, as JSON', async () => {
    const created = await json('keys create --user exact')

    expect(created).toEqual({
      key: expect.stringMatching(/^sk_sluice_[0-9A-Za-z]{38}$/),
      key_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      user: 'exact',
      plan: 'free',
      expires_at: '2027-11-23T12:00:00.000Z',
    })
  })

  it('`keys create` creates a key that never expires only with --expires never', async () => {
    const { key, expires_at } = await json('keys create --user lasting --expires never')

    expect(expires_at).toBeUndefined()
    expect(await callerOf(key, '2126-11-23T12:00:00.000Z')).toMatchObject({ user_id: 'lasting' })
  })

  it('`keys create` creates the user on the default plan, and the key is accepted', async () => {
    const { key } = await json('keys create --user new')

    expect(await callerOf(key)).toEqual({ user_id: 'new', plan: 'free', overrides: {} })
  })

  it('`keys create` creates a key for a disabled user, says that the user is disabled, and accepts the key once the user is enabled', async () => {
    await atNoon('users set away --plan pro')
    await atNoon('users disable away')

    const { out } = await atNoon('keys create --user away')

    expect(out).toContain('The user away is disabled: the key lets nobody in before users enable away.\n')
    const [key = ''] = /sk_sluice_\w+/.exec(out) ?? []
    expect(await callerOf(key)).toBeUndefined()
    await atNoon('users enable away')
    expect(await callerOf(key)).toMatchObject({ user_id: 'away' })
    expect((await atNoon('keys create --user away')).out).not.toContain('disabled')
  })

  it('`keys create` accepts a plan and a lifetime', async () => {
    const created = await json('keys create --user paying --plan pro --expires 90d')

    expect(created).toMatchObject({ plan: 'pro', expires_at: '2027-02-21T12:00:00.000Z' })
    expect(await callerOf(created.key, '2027-02-21T11:59:59.999Z')).toMatchObject({ plan: 'pro' })
    expect(await callerOf(created.key, '2027-02-21T12:00:00.000Z')).toBeUndefined()
  })

  it('`keys create` prints the key as a text for people without --json', async () => {
    const { out } = await atNoon('keys create --user worded')

    expect(out.replace(/sk_sluice_\w+/, 'KEY').replace(/[0-9a-f]{16}/, 'ID')).toBe(
      [
        'key      KEY',
        'key id   ID',
        'user     worded',
        'plan     free',
        'expires  2027-11-23T12:00:00.000Z',
        'The user worded is new.',
        'This is the only time that the key is shown: only its hash is stored.',
        '',
      ].join('\n'),
    )
  })

  it('`keys create` changes the plan of an existing user, and says so', async () => {
    await atNoon('keys create --user upgraded')

    const { out } = await atNoon('keys create --user upgraded --plan pro')

    expect(out).toContain('The plan of upgraded was free and is pro now, with effect within 60 s.')
    expect(await json('users show upgraded')).toMatchObject({ plan: 'pro' })
  })

  it('`keys create` keeps the plan of an existing user', async () => {
    await atNoon('users set kept --plan pro')

    expect(await json('keys create --user kept')).toMatchObject({ plan: 'pro' })
  })

  it('`keys create` refuses an unknown plan, lists the plans, and creates no user', async () => {
    expect(await atNoon('keys create --user nobody --plan gold')).toEqual({
      code: 1,
      out: '',
      err: 'error: there is no plan gold: the plans are free, pro\n',
    })
    expect((await atNoon('users show nobody')).code).toBe(1)
  })

  it('`keys create` refuses a plan with the name of a property that every object has', async () => {
    expect((await atNoon('keys create --user nobody --plan constructor')).code).toBe(1)
  })

  it('`keys create` stores only the hash of a key', async () => {
    const { key } = await json('keys create --user secretive')

    const { Items = [] } = await system.client.send(new ScanCommand({ TableName: 'KeysTable' }))
    expect(JSON.stringify(Items.map(item => unmarshall(item)))).not.toContain(key)
  })
})

describe('keys list', () => {
  it('`keys list` shows ids and states, but neither keys nor hashes', async () => {
    const run = system.at('2026-11-20T00:00:00Z')
    const [active, expired, revoked] = await Promise.all(
      ['--user listed --expires never', '--user listed --expires 1d', '--user listed --expires 9d'].map(async options =>
        JSON.parse((await run(`keys create ${options} --json`)).out),
      ),
    )
    await atNoon(`keys revoke ${revoked.key_id}`)

    const keys = await json('keys list --user listed')
    const { out } = await atNoon('keys list --user listed')

    const created = { user: 'listed', created_at: '2026-11-20T00:00:00.000Z' }
    expect(keys).toHaveLength(3)
    expect(keys).toEqual(
      expect.arrayContaining([
        { ...created, key_id: active.key_id, state: 'active' },
        { ...created, key_id: expired.key_id, expires_at: '2026-11-21T00:00:00.000Z', state: 'expired' },
        {
          ...created,
          key_id: revoked.key_id,
          expires_at: '2026-11-29T00:00:00.000Z',
          revoked_at: NOON,
          state: 'revoked',
        },
      ]),
    )
    const [heading, ...rows] = out.trimEnd().split('\n')
    expect(heading).toBe('KEY ID            USER    CREATED     EXPIRES     STATE')
    expect(rows).toContain(`${active.key_id}  listed  2026-11-20  never       active`)
  })

  it('`keys list` answers with an empty list for a user without keys', async () => {
    expect(await json('keys list --user keyless')).toEqual([])
  })
})

describe('keys revoke', () => {
  it('`keys revoke` makes the key invalid, and prints that this takes effect within 60 s', async () => {
    const { key, key_id } = await json('keys create --user gone')

    const { code, out } = await atNoon(`keys revoke ${key_id}`)

    expect({ code, out }).toEqual({
      code: 0,
      out: `The key ${key_id} of gone is revoked, with effect within 60 s.\n`,
    })
    expect(await callerOf(key)).toBeUndefined()
  })

  it('`keys revoke` changes nothing, not even the time of the revocation, when it runs a second time', async () => {
    const { key_id } = await json('keys create --user twice')
    const first = await json(`keys revoke ${key_id}`)

    const second = JSON.parse((await system.at('2026-11-24T00:00:00Z')(`keys revoke ${key_id} --json`)).out)

    expect(second).toEqual(first)
  })

  it('`keys revoke` refuses an unknown id, and never prints a key that was given instead of an id', async () => {
    const { key } = await json('keys create --user confused')

    expect(await atNoon('keys revoke 0123456789abcdef')).toEqual({
      code: 1,
      out: '',
      err: 'error: there is no key 0123456789abcdef: keys list shows those that there are\n',
    })
    expect((await atNoon(`keys revoke ${key} --json`)).err).toBe(
      '{"error":"there is no key sk_sluice_…: keys list shows those that there are"}\n',
    )
  })
})

describe('keys rotate', () => {
  it('`keys rotate` creates a key for the same user with the same lifetime, and revokes the old key', async () => {
    const old = JSON.parse((await system.at('2026-11-20T00:00:00Z')('keys create --user r --expires 30d --json')).out)

    const rotated = await json(`keys rotate ${old.key_id}`)

    expect(rotated).toEqual({
      key: expect.stringMatching(/^sk_sluice_/),
      key_id: expect.not.stringMatching(old.key_id),
      user: 'r',
      plan: 'free',
      expires_at: '2026-12-23T12:00:00.000Z',
      revoked: old.key_id,
    })
    expect(await callerOf(old.key)).toBeUndefined()
    expect(await callerOf(rotated.key)).toMatchObject({ user_id: 'r' })
  })

  it('`keys rotate` refuses a revoked key', async () => {
    const { key_id } = await json('keys create --user r2')
    await atNoon(`keys revoke ${key_id}`)

    expect(await atNoon(`keys rotate ${key_id}`)).toEqual({
      code: 1,
      out: '',
      err: `error: the key ${key_id} is revoked: make another with keys create --user r2\n`,
    })
  })
})
