import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fingerprintOf, isFingerprintOf } from '../../../../../functions/core/admission/fingerprint.ts'

const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex')

describe('fingerprintOf', () => {
  it('is the same for the same fields in another order, at any depth', () => {
    const one = fingerprintOf({ prompt: 'x', parameters: { seed: 1, stop: [{ a: 1, b: 2 }] }, tag: 't', lang: 'en' })
    const other = fingerprintOf({ lang: 'en', tag: 't', parameters: { stop: [{ b: 2, a: 1 }], seed: 1 }, prompt: 'x' })

    expect(one).toBe(other)
  })

  it.each([
    [{ prompt: 'x' }, { prompt: 'y' }],
    [
      { prompt: 'x', list: [1, 2] },
      { prompt: 'x', list: [2, 1] },
    ],
    [
      { prompt: 'x', a: 1 },
      { prompt: 'x', a: '1' },
    ],
    [
      { prompt: 'x', a: {} },
      { prompt: 'x', a: [] },
    ],
    [
      { prompt: 'x', a: { b: 1 } },
      { prompt: 'x', b: { a: 1 } },
    ],
  ])('the fingerprint is different for the bodies %j and %j', (one, other) => {
    expect(fingerprintOf(one)).not.toBe(fingerprintOf(other))
  })

  it('equals the fingerprint that version 0.1.0 makes of a body whose fields are in the usual order', () => {
    const body = { prompt: 'x', model: 'text', parameters: { max_tokens: 5 }, priority: 'normal', metadata: { a: 1 } }

    expect(fingerprintOf(body)).toBe(hashOf(body))
  })
})

describe('isFingerprintOf', () => {
  const object = fc.dictionary(
    fc.string().filter(name => name !== '__proto__'),
    fc.jsonValue(),
  )

  it('accepts the fingerprints of this version and of 0.1.0, for any body', () => {
    fc.assert(
      fc.property(object, body => {
        expect(isFingerprintOf(fingerprintOf(body), body)).toBe(true)
        expect(isFingerprintOf(hashOf(body), body)).toBe(true)
      }),
    )
  })

  it('accepts no fingerprint of another body', () => {
    expect(isFingerprintOf(hashOf({ prompt: 'y' }), { prompt: 'x' })).toBe(false)
  })
})
