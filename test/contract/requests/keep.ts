import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { aMessage, anItem } from '../../support/requests.ts'
import { itemsTools, STATES, TERMS } from './tools.ts'

/** Metadata that is valid JSON but that a store may change or refuse. */
const METADATA: readonly { readonly what: string; readonly metadata: Record<string, unknown> }[] = [
  { what: 'empty texts and names', metadata: { '': '', a: { '': [''] } } },
  { what: 'an empty object', metadata: {} },
  { what: 'large and small numbers', metadata: { a: 1e300, b: 5e-324, c: -1e300, d: 0.1, e: 2 ** 53 + 2 } },
  { what: 'null, true and lists', metadata: { a: null, b: true, c: [[], {}, [null]] } },
  { what: 'deep nesting', metadata: { a: nested(98) } },
  { what: 'all of Unicode', metadata: { '\u{1f600}': 'é\uffff\u{10ffff}\u0001\u007f\u2028' } },
  { what: 'names that Sluice uses itself', metadata: { status: 'completed', claim_id: 'x', ttl: 1, constructor: 'y' } },
  { what: '16 KiB', metadata: { text: 'x'.repeat(16_000) } },
]

/** Tests that items are read as they were written. */
export function describeKeeping(name: string, items: RequestItems): void {
  const { given, stored } = itemsTools(items)

  describe(`items on ${name}: get and create`, () => {
    it('get finds neither an unknown request nor the request of another user (I11)', async () => {
      const item = await given()

      expect(await items.get('another', item.request_id)).toBeUndefined()
      expect(await items.get(item.user_id, anItem().request_id)).toBeUndefined()
    })

    it.each(STATES)('create and get return an item that is $state unchanged', async ({ item: fields }) => {
      const item = anItem(fields)

      const created = await items.create(item)

      expect(created).toEqual(item)
      expect(await stored(item)).toEqual(item)
    })

    it('getPossiblyStale returns the same item as get, at the latest after a moment, and nothing for an unknown request', async () => {
      const item = await given()

      await vi.waitFor(async () =>
        expect(await items.getPossiblyStale(item.user_id, item.request_id)).toEqual(await stored(item)),
      )
      expect(await items.getPossiblyStale('another', item.request_id)).toBeUndefined()
    })

    it.each(STATES)(
      'create does not change an item that is $state when it is created again',
      async ({ item: fields }) => {
        const first = await given(fields)

        const again = await items.create({ ...anItem(), request_id: first.request_id, nonce: 'nonce-2' })

        expect(again).toEqual(first)
        expect(await stored(first)).toEqual(first)
      },
    )

    it('create makes one item when ten calls make it in parallel, and answers each call with this item', async () => {
      const item = anItem()
      const rivals = Array.from({ length: 10 }, (_, i) => ({ ...item, nonce: `nonce-${i}` }))

      const answers = await Promise.all(rivals.map(rival => items.create(rival)))

      expect(new Set(answers.map(({ nonce }) => nonce)).size).toBe(1)
      expect(await stored(item)).toEqual(answers[0])
    })
  })

  describe(`items on ${name}: metadata`, () => {
    it.each(METADATA)('an item keeps its metadata unchanged: $what', async ({ metadata }) => {
      const item = await given({ metadata })

      expect(item.metadata).toEqual(metadata)
      expect((await stored(item))?.metadata).toEqual(metadata)
      const claimed = await items.claim(aMessage(item), TERMS)
      expect(claimed).toMatchObject({ claimed: true })
      expect(claimed.item?.metadata).toEqual(metadata)
    })

    it('an item keeps any JSON object as its metadata', async () => {
      const aJsonObject = fc.dictionary(
        fc.string({ unit: 'binary' }).filter(key => key !== '__proto__'),
        fc.jsonValue({ stringUnit: 'binary' }),
      )
      await fc.assert(
        fc.asyncProperty(aJsonObject, async object => {
          const metadata = JSON.parse(JSON.stringify(object))

          const item = await given({ metadata })

          expect(JSON.stringify((await stored(item))?.metadata)).toBe(JSON.stringify(metadata))
        }),
        { numRuns: 30 },
      )
    })
  })
}

function nested(depth: number): unknown {
  return depth === 0 ? 'end' : [nested(depth - 1)]
}
