import { describe, expect, it } from 'vitest'
import { authorize } from '../../../../functions/authorizer/authorize.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { hashKey, keyIdOf, newKey } from '../../../../functions/core/stores/access/key.ts'
import type { Access, KeyRecord, UserRecord } from '../../../../functions/core/stores/access/port.ts'
import { NOW } from '../../../support/clock.ts'

const KEY = newKey()
const USER: UserRecord = { user_id: 'u42', plan: 'free', overrides: {} }
const RECORD: KeyRecord = { key_id: keyIdOf(hashKey(KEY)), hash: hashKey(KEY), user_id: 'u42', created_at: NOW }

const accessWith = (record: KeyRecord | undefined, user: UserRecord | undefined = USER): Access => ({
  key: async keyId => (keyId === record?.key_id ? record : undefined),
  user: async userId => (userId === user?.user_id ? user : undefined),
})

describe('authorize', () => {
  it('finds the user of a key', async () => {
    expect(await authorize(accessWith(RECORD), KEY, NOW)).toEqual(USER)
  })

  it.each([
    { what: 'a malformed key', access: accessWith(RECORD), key: 'sk_sluice_nonsense' },
    { what: 'no key', access: accessWith(RECORD), key: '' },
    { what: 'an unknown key', access: accessWith(undefined), key: KEY },
    { what: 'a key that was revoked', access: accessWith({ ...RECORD, revoked_at: NOW - 1 }), key: KEY },
    { what: 'a key that expires now', access: accessWith({ ...RECORD, expires_at: NOW }), key: KEY },
    { what: 'a key that shares an id with another', access: accessWith({ ...RECORD, hash: hashKey('x') }), key: KEY },
    { what: 'a key whose user is disabled', access: accessWith(RECORD, { ...USER, disabled_at: NOW }), key: KEY },
    { what: 'a key whose user has no record', access: accessWith({ ...RECORD, user_id: 'gone' }), key: KEY },
  ])('refuses $what', async ({ access, key }) => {
    expect(await authorize(access, key, NOW)).toBeUndefined()
  })

  it('accepts a key one millisecond before the key expires', async () => {
    expect(await authorize(accessWith({ ...RECORD, expires_at: NOW + 1 }), KEY, NOW)).toEqual(USER)
  })

  it('reads no table to refuse a text that does not have the form of a key', async () => {
    const unused: Access = {
      key: () => Promise.reject(new Error('asked')),
      user: () => Promise.reject(new Error('asked')),
    }

    expect(await authorize(unused, 'sk_sluice_nonsense', NOW)).toBeUndefined()
  })

  it('rejects with Unavailable while the tables can’t be read', async () => {
    const down: Access = { ...accessWith(RECORD), key: () => Promise.reject(new Unavailable('the keys table', 'down')) }

    await expect(authorize(down, KEY, NOW)).rejects.toThrow(Unavailable)
  })
})
