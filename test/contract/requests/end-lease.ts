import { describe, expect, it } from 'vitest'
import { claimIdOf } from '../../../functions/core/domain/claim.ts'
import type { RequestItem } from '../../../functions/core/domain/item.ts'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { aMessage, anItem } from '../../support/requests.ts'
import { itemsTools, statesBut, TERMS } from './tools.ts'

/** Tests how a start of the local system ends the claim (the right to run a request) of a worker that does not run any more. */
export function describeEndLease(name: string, items: RequestItems): void {
  const { given, stored, decisionOf } = itemsTools(items)

  const running = async () => {
    const item = await given()
    const { item: claimed = item } = await items.claim(aMessage(item), TERMS)
    return claimed
  }
  const BeforeItsEnd = TERMS.lease_until - 1

  describe(`items on ${name}: endLease`, () => {
    it('endLease ends the lease of a running request now, so that another worker may claim it', async () => {
      const item = await running()

      expect(await items.endLease(item, BeforeItsEnd)).toBe(true)

      expect(await stored(item)).toEqual({ ...item, lease_until: BeforeItsEnd })
      const next = { claim_id: 'claim-2', now: BeforeItsEnd, lease_until: TERMS.lease_until + 60_000 }
      expect(await items.reclaim(item, next)).toMatchObject({ claimed: true, item: { attempt: 2 } })
    })

    it('endLease changes nothing when it is repeated', async () => {
      const item = await running()
      await items.endLease(item, BeforeItsEnd - 1_000)

      expect(await items.endLease(item, BeforeItsEnd)).toBe(false)

      expect(await stored(item)).toEqual({ ...item, lease_until: BeforeItsEnd - 1_000 })
    })

    it('endLease does not end the lease of another attempt or another run', async () => {
      const [attempted, redriven] = [await running(), await running()]

      expect(await items.endLease({ ...attempted, attempt: 0 }, BeforeItsEnd)).toBe(false)
      expect(await items.endLease({ ...redriven, run: 2 }, BeforeItsEnd)).toBe(false)

      expect(await stored(attempted)).toEqual(attempted)
      expect(await stored(redriven)).toEqual(redriven)
    })

    it.each(statesBut('running'))('endLease does not change an item that is $state', async ({ item: fields }) => {
      const item = await given(fields)

      expect(await items.endLease(item, TERMS.now)).toBe(false)

      expect(await stored(item)).toEqual(item)
    })

    it('endLease does not create an item if there is none', async () => {
      const absent = anItem({ status: 'running', attempt: 1, lease_until: TERMS.lease_until })

      expect(await items.endLease(absent, TERMS.now)).toBe(false)

      expect(await stored(absent)).toBeUndefined()
    })
  })

  describe(`items on ${name}: noteStop`, () => {
    const isolated = async (fields: Partial<RequestItem> = {}) => {
      const item = await given(fields)
      const { item: claimed = item } = await items.claim(aMessage(item), { ...TERMS, claim_id: claimIdOf('c', true) })
      return claimed
    }
    const next = { claim_id: 'claim-2', now: TERMS.lease_until + 1, lease_until: TERMS.lease_until + 60_000 }

    it.each([
      { what: 'before', now: BeforeItsEnd },
      { what: 'after', now: TERMS.lease_until + 1 },
    ])(
      'noteStop, $what the end of the lease, prevents that a crash is counted for an isolated request (it ran alone) whose worker was stopped',
      async ({ now }) => {
        const { alone: _, ...item } = await isolated()

        expect(await items.noteStop(item, now)).toBe(true)

        expect(await stored(item)).toEqual({ ...item, lease_until: now, stopped: true })
        expect(await items.reclaim(item, next)).toMatchObject({ claimed: true, item: { attempt: 2, crashes: 0 } })
        expect(await stored(item)).not.toHaveProperty('stopped')
      },
    )

    it('noteStop changes nothing when it is repeated', async () => {
      const item = await isolated()
      await items.noteStop(item, BeforeItsEnd - 1_000)
      const before = await stored(item)

      expect(await items.noteStop(item, BeforeItsEnd)).toBe(false)

      expect(await stored(item)).toEqual(before)
    })

    it('noteStop does not change the claim of another attempt or another run', async () => {
      const [attempted, redriven] = [await isolated(), await isolated()]

      expect(await items.noteStop({ ...attempted, attempt: 0 }, BeforeItsEnd)).toBe(false)
      expect(await items.noteStop({ ...redriven, run: 2 }, BeforeItsEnd)).toBe(false)

      expect(await stored(attempted)).toEqual(attempted)
      expect(await stored(redriven)).toEqual(redriven)
    })

    it('noteStop does not prevent that the item accepts an outcome which the stopped worker has already sent', async () => {
      const item = await isolated()
      await items.noteStop(item, BeforeItsEnd)

      expect(await items.decide(decisionOf(item))).toMatchObject({ status: 'completed' })

      expect(await stored(item)).not.toHaveProperty('stopped')
    })

    it.each(statesBut('running', 'abandoned'))(
      'noteStop does not change an item that is $state',
      async ({ item: fields }) => {
        const item = await given(fields)

        expect(await items.noteStop(item, TERMS.now)).toBe(false)

        expect(await stored(item)).toEqual(item)
      },
    )

    it('noteStop does not create an item if there is none', async () => {
      const absent = anItem({ status: 'running', attempt: 1, lease_until: TERMS.lease_until })

      expect(await items.noteStop(absent, TERMS.now)).toBe(false)

      expect(await stored(absent)).toBeUndefined()
    })
  })
}
