import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkIn, checkOut, MAX_INLINE_BYTES, type Payloads } from '../../functions/core/stores/payloads/port.ts'

export interface PayloadsEngine {
  readonly payloads: Payloads
  close(): Promise<void>
}

/** Checks a store of payloads. */
export function describePayloadsContract(name: string, makeEngine: () => Promise<PayloadsEngine>): void {
  let engine: PayloadsEngine
  let payloads: Payloads
  beforeAll(async () => {
    engine = await makeEngine()
    payloads = engine.payloads
  })
  afterAll(() => engine.close())

  describe(`payloads on ${name}`, () => {
    it.each([
      { what: 'an object', value: { a: [1, 'two', null, 1e300] } },
      { what: 'null', value: null },
      { what: 'an empty text', value: '' },
      { what: 'all of Unicode', value: 'é\u{1f600}\uffff\u{10ffff}\u0001\u2028"\\' },
      { what: '4 MB', value: 'x'.repeat(4_000_000) },
    ])('the store returns $what unchanged', async ({ value }) => {
      await payloads.put('requests/a.b@c-d_e/1/body.json', JSON.stringify(value))

      expect(await payloads.get('requests/a.b@c-d_e/1/body.json')).toEqual(value)
    })

    it('the store returns nothing for a key that was never written', async () => {
      expect(await payloads.get('requests/nobody/1/body.json')).toBeUndefined()
    })

    it('the store returns the value that was last written under a key', async () => {
      await payloads.put('twice', '1')
      await payloads.put('twice', '2')

      expect(await payloads.get('twice')).toBe(2)
    })

    it.each([
      { what: 'a small value inline', value: { a: 1 }, inline: true },
      { what: 'a value of the maximum size inline', value: 'x'.repeat(MAX_INLINE_BYTES - 2), inline: true },
      { what: 'a value with one byte more under its key', value: 'x'.repeat(MAX_INLINE_BYTES - 1), inline: false },
      {
        what: 'a value that is too large in UTF-8 under its key',
        value: 'é'.repeat(MAX_INLINE_BYTES / 2),
        inline: false,
      },
    ])('checkIn keeps $what, and checkOut returns the value', async ({ value, inline }) => {
      const payload = await checkIn(payloads, 'claim-check', value)

      expect(payload).toEqual(inline ? { inline: value } : { key: 'claim-check' })
      expect(await checkOut(payloads, payload)).toEqual(value)
    })

    it('a payload can be deleted by its key, and a second deletion does not fail', async () => {
      await payloads.put('doomed/body.json', '1')
      await payloads.put('doomed/another.json', '2')

      await payloads.delete('doomed/body.json')
      await payloads.delete('doomed/body.json')

      expect(await payloads.get('doomed/body.json')).toBeUndefined()
      expect(await payloads.get('doomed/another.json')).toBe(2)
    })

    it('if the payload of a request is missing, checkOut fails with an error that names its key', async () => {
      await expect(checkOut(payloads, { key: 'gone.json' })).rejects.toThrow('no payload under gone.json')
    })
  })
}
