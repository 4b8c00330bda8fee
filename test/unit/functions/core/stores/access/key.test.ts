import { describe, expect, it } from 'vitest'
import { hashKey, isWellFormedKey, keyIdOf, newKey } from '../../../../../../functions/core/stores/access/key.ts'

describe('newKey', () => {
  it('makes well-formed keys that all differ', () => {
    const keys = Array.from({ length: 100 }, newKey)

    expect(keys.every(isWellFormedKey)).toBe(true)
    expect(new Set(keys).size).toBe(100)
    expect(keys[0]).toMatch(/^sk_sluice_[0-9A-Za-z]{38}$/)
  })
})

describe('isWellFormedKey', () => {
  const key = newKey()
  const another = key.at(15) === 'a' ? 'b' : 'a'

  it.each([
    { what: 'a typo', text: key.slice(0, 15) + another + key.slice(16) },
    { what: 'a key cut short', text: key.slice(0, -1) },
    { what: 'a key with further characters', text: `${key}0` },
    { what: 'a key with a line break after it', text: `${key}\n` },
    { what: 'another prefix', text: key.replace('sk_sluice_', 'sk_other__') },
    { what: 'nothing', text: '' },
    { what: 'a megabyte', text: 'x'.repeat(1_000_000) },
  ])('refuses $what', ({ text }) => {
    expect(isWellFormedKey(text)).toBe(false)
  })
})

describe('keyIdOf', () => {
  it('gives the id of a key, from which nobody can compute the key', () => {
    const key = newKey()

    expect(keyIdOf(hashKey(key))).toMatch(/^[0-9a-f]{16}$/)
    expect(hashKey(key)).toMatch(/^[0-9a-f]{64}$/)
  })
})
