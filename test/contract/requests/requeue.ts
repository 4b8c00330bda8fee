import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../functions/core/domain/item.ts'
import type { RequestItems, Requeue } from '../../../functions/core/stores/requests/port.ts'
import { NOW } from '../../support/clock.ts'
import { aMessage } from '../../support/requests.ts'
import { itemsTools, statesBut, TERMS } from './tools.ts'

/** Tests how a worker puts a request that it has claimed, i.e. may run until its lease ends, back to `queued`. */
export function describeRequeues(name: string, items: RequestItems): void {
  const { given, stored, decisionOf } = itemsTools(items)
  const later = TERMS.now + 5_000
  const next: Requeue = { claim_id: TERMS.claim_id, not_before: later, attempt: 1, reached: true }

  async function claimed(fields: Partial<RequestItem> = {}): Promise<RequestItem> {
    const { item } = await items.claim(aMessage(await given(fields)), TERMS)
    if (!item) throw new Error('there is an item')
    return item
  }

  describe(`items on ${name}: requeue`, () => {
    it('requeue queues a request for its retry, and counts its attempt', async () => {
      const item = await claimed()

      expect(await items.requeue(item, next)).toBe('queued')

      const { lease_until: _, ...rest } = item
      expect(await stored(item)).toEqual({ ...rest, status: 'queued', attempt: 1, not_before: later, reached: true })
    })

    it('requeue does not count the attempt if the worker made no call', async () => {
      const before = await given({ attempt: 1, started_at: NOW, reached: true })
      const { item = before } = await items.claim(aMessage(before), TERMS)

      expect(await items.requeue(item, { ...next, reached: false })).toBe('queued')

      expect(await stored(item)).toEqual({ ...before, not_before: later })
    })

    it('requeue removes the start time if no call was made', async () => {
      const item = await claimed()

      await items.requeue(item, { ...next, attempt: 0, reached: false })

      expect(await stored(item)).not.toHaveProperty('started_at')
    })

    it('a repeated requeue gives the same answer', async () => {
      const item = await claimed()
      await items.requeue(item, next)

      expect(await items.requeue(item, next)).toBe('queued')
    })

    it('requeue does not change a request with a wish to cancel, and answers `cancel requested`', async () => {
      const item = await claimed()
      await items.cancel(item, NOW)
      const asked = await stored(item)

      expect(await items.requeue(item, next)).toBe('cancel requested')
      expect(await stored(item)).toEqual(asked)
    })

    it('requeue does not change the claim of another worker, even if its attempt is the same', async () => {
      const item = await claimed()
      await items.requeue(item, { ...next, attempt: 0, not_before: TERMS.now })
      const { item: others } = await items.claim(aMessage(item), { ...TERMS, claim_id: 'claim-2' })

      expect(await items.requeue(item, { ...next, attempt: 0, not_before: TERMS.now })).toBe('lost')
      expect(await stored(item)).toEqual(others)
    })

    it('requeue does not change a request that another worker has claimed after the end of the lease', async () => {
      const item = await claimed()
      await items.reclaim(item, { ...TERMS, claim_id: 'claim-2', now: TERMS.lease_until })

      expect(await items.requeue(item, next)).toBe('lost')
      expect(await stored(item)).toMatchObject({ status: 'running', attempt: 2 })
    })

    it.each(statesBut('queued', 'queued for a retry', 'running', 'abandoned'))(
      'requeue does not change an item that is $state',
      async ({ item: fields }) => {
        const item = await given(fields)

        expect(await items.requeue({ ...item, status: 'running', attempt: 1 }, next)).toBe('lost')
        expect(await stored(item)).toEqual(item)
      },
    )

    it('after a requeue, the item does not accept an outcome of the same attempt', async () => {
      const item = await claimed()
      await items.requeue(item, next)

      expect(await items.decide(decisionOf(item))).toBeUndefined()
    })
  })
}
