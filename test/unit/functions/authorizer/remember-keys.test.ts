import { describe, expect, it } from 'vitest'
import { rememberKeys } from '../../../../functions/authorizer/remember-keys.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { hashKey, keyIdOf, newKey } from '../../../../functions/core/stores/access/key.ts'
import type { Access, KeyRecord } from '../../../../functions/core/stores/access/port.ts'
import { NOW } from '../../../support/clock.ts'

const MINUTE = 60_000

/** Makes a table with these keys of one user, a clock, and a count of the reads of the table. */
function aTable(keys: readonly string[]) {
  const records = new Map(keys.map(key => [keyIdOf(hashKey(key)), recordOf(key)]))
  const state = { now: NOW, reads: 0, isDown: false }
  const access: Access = {
    key: async keyId => {
      state.reads += 1
      if (state.isDown) throw new Unavailable('the keys table', new Error('down'))
      return records.get(keyId)
    },
    user: async userId => ({ user_id: userId, plan: 'free', overrides: {} }),
  }
  const revoke = (key: string) => void records.set(keyIdOf(hashKey(key)), { ...recordOf(key), revoked_at: NOW })
  return { state, revoke, authorized: rememberKeys(access, () => state.now, 2) }
}

const recordOf = (key: string): KeyRecord => ({
  key_id: keyIdOf(hashKey(key)),
  hash: hashKey(key),
  user_id: 'u42',
  created_at: NOW,
})

describe('rememberKeys', () => {
  it('reads an accepted key from the table once per minute', async () => {
    const key = newKey()
    const { state, authorized } = aTable([key])

    await authorized(key)
    state.now += MINUTE - 1
    expect(await authorized(key)).toMatchObject({ user_id: 'u42' })
    expect(state.reads).toBe(1)
    state.now += 1
    await authorized(key)

    expect(state.reads).toBe(2)
  })

  it('reads a key from the table once for simultaneous calls', async () => {
    const key = newKey()
    const { state, authorized } = aTable([key])

    const users = await Promise.all([authorized(key), authorized(key), authorized(key)])

    expect(users).toMatchObject([{ user_id: 'u42' }, { user_id: 'u42' }, { user_id: 'u42' }])
    expect(state.reads).toBe(1)
  })

  it('reads a key again after the one read for simultaneous calls has failed', async () => {
    const key = newKey()
    const { state, authorized } = aTable([key])
    state.isDown = true
    const failed = await Promise.allSettled([authorized(key), authorized(key)])
    state.isDown = false

    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await authorized(key)).toMatchObject({ user_id: 'u42' })
  })

  it('refuses a key at the latest a minute after it was revoked', async () => {
    const key = newKey()
    const { state, revoke, authorized } = aTable([key])
    await authorized(key)

    revoke(key)
    state.now += MINUTE

    expect(await authorized(key)).toBeUndefined()
  })

  it('remembers accepted keys separately from refused keys, so that calls with many wrong keys do not push out an accepted key', async () => {
    const key = newKey()
    const { state, authorized } = aTable([key])
    await authorized(key)
    for (let i = 0; i < 5; i++) await authorized(newKey())
    const before = state.reads

    await authorized(key)

    expect(state.reads).toBe(before)
  })

  it('does not read a refused key again within a minute', async () => {
    const key = newKey()
    const { state, authorized } = aTable([])

    await authorized(key)
    await authorized(key)

    expect(state.reads).toBe(1)
  })

  it('remembers only as many keys as it was told (here two), and reads a forgotten key again', async () => {
    const keys = [newKey(), newKey(), newKey()]
    const { state, authorized } = aTable(keys)
    for (const key of keys) await authorized(key)

    await authorized(keys[2] ?? '')
    expect(state.reads).toBe(3)
    await authorized(keys[0] ?? '')

    expect(state.reads).toBe(4)
  })

  it('does not remember a read that failed, so the next call reads the key again', async () => {
    const key = newKey()
    const { state, authorized } = aTable([key])
    state.isDown = true
    await expect(authorized(key)).rejects.toThrow(Unavailable)
    state.isDown = false

    expect(await authorized(key)).toMatchObject({ user_id: 'u42' })
  })
})
