import { describe, expect, it } from 'vitest'
import { claimIdOf } from '../../../functions/core/domain/claim.ts'
import type { RequestItem } from '../../../functions/core/domain/item.ts'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { NOW } from '../../support/clock.ts'
import { aMessage, anItem } from '../../support/requests.ts'
import { itemsTools, statesBut, TERMS } from './tools.ts'

/** Tests which worker may run a request. The worker claims the request until a certain time (its lease). */
export function describeClaims(name: string, items: RequestItems): void {
  const { given, stored, decisionOf } = itemsTools(items)

  describe(`items on ${name}: claim`, () => {
    it('claim starts a queued request', async () => {
      const item = await given()

      const claim = await items.claim(aMessage(item), TERMS)

      const started = { ...item, status: 'running', attempt: 1, lease_until: TERMS.lease_until, started_at: TERMS.now }
      expect(claim).toEqual({ claimed: true, item: started })
      expect(await stored(item)).toEqual(started)
    })

    it('claim starts a retry whose backoff has passed, and keeps the time of the first start', async () => {
      const item = await given({ attempt: 1, started_at: NOW - 5_000, not_before: TERMS.now })

      const claim = await items.claim(aMessage(item), TERMS)

      expect(claim).toMatchObject({ claimed: true, item: { attempt: 2, started_at: NOW - 5_000 } })
      expect(claim.item?.not_before).toBeUndefined()
    })

    it('claim answers that nothing is claimed if there is no item', async () => {
      expect(await items.claim(aMessage(anItem()), TERMS)).toEqual({ claimed: false, item: undefined })
    })

    it.each(statesBut('queued', 'queued for a retry'))(
      'claim does not change an item that is $state',
      async ({ item: fields }) => {
        const item = await given(fields)

        expect(await items.claim(aMessage(item), TERMS)).toEqual({ claimed: false, item })
        expect(await stored(item)).toEqual(item)
      },
    )

    it.each([
      { what: 'whose message is of another run', item: {}, message: { run: 2 } },
      { what: 'whose message is of another body', item: {}, message: { fingerprint: 'e'.repeat(64) } },
      { what: 'whose backoff has not passed', item: { not_before: TERMS.now + 1 }, message: {} },
      { what: 'whose deadline is now', item: { deadline: TERMS.now }, message: {} },
    ])('claim does not change a queued item $what', async ({ item: fields, message }) => {
      const item = await given(fields)

      expect(await items.claim({ ...aMessage(item), ...message }, TERMS)).toEqual({ claimed: false, item })
      expect(await stored(item)).toEqual(item)
    })

    it('claim answers with the same claim when it is repeated because its answer was lost', async () => {
      const item = await given()
      const first = await items.claim(aMessage(item), TERMS)

      const again = await items.claim(aMessage(item), TERMS)

      expect(again).toEqual(first)
      expect((await stored(item))?.attempt).toBe(1)
    })

    it('claim does not answer with the claim of another worker', async () => {
      const item = await given()
      await items.claim(aMessage(item), TERMS)

      expect(await items.claim(aMessage(item), { ...TERMS, claim_id: 'claim-2' })).toMatchObject({ claimed: false })
    })

    it('claim lets only one of ten parallel workers claim a request', async () => {
      const item = await given()

      const claims = await Promise.all(
        Array.from({ length: 10 }, (_, i) => items.claim(aMessage(item), { ...TERMS, claim_id: `claim-${i}` })),
      )

      expect(claims.filter(({ claimed }) => claimed)).toHaveLength(1)
      expect((await stored(item))?.attempt).toBe(1)
    })

    it('claim does not claim a request that has ended before the call is repeated', async () => {
      const item = await given()
      await items.claim(aMessage(item), TERMS)
      await items.decide(decisionOf({ ...item, attempt: 1 }))

      expect(await items.claim(aMessage(item), TERMS)).toMatchObject({ claimed: false, item: { status: 'completed' } })
    })
  })

  describe(`items on ${name}: reclaim`, () => {
    const abandoned = { status: 'running', attempt: 1, started_at: NOW, lease_until: TERMS.now } as const

    /** A request whose worker has crashed while it ran only this request. */
    const abandonedAlone = async () => {
      const item = await given()
      const terms = { claim_id: claimIdOf('claim-0', true), now: NOW, lease_until: TERMS.now }
      await items.claim(aMessage(item), terms)
      return { ...item, ...abandoned, alone: true }
    }

    it('reclaim claims a request whose lease has ended, and counts no crash if the worker ran other requests, too, since one of them may be the cause', async () => {
      const item = await given(abandoned)

      const claim = await items.reclaim(item, TERMS)

      const expected = { ...item, attempt: 2, crashes: 0, reached: true, lease_until: TERMS.lease_until }
      expect(claim).toEqual({ claimed: true, item: expected })
      expect(await stored(item)).toEqual(expected)
    })

    it('reclaim claims a request whose crashed worker ran only this request, and counts a crash', async () => {
      const item = await abandonedAlone()
      expect(await stored(item)).toEqual(item)

      const claim = await items.reclaim(item, TERMS)

      const { alone: _, ...inCompany } = {
        ...item,
        attempt: 2,
        crashes: 1,
        reached: true,
        lease_until: TERMS.lease_until,
      }
      expect(claim).toEqual({ claimed: true, item: inCompany })
      expect(await stored(item)).toEqual(inCompany)
    })

    it('if a request crashes its worker several times while it runs alone, reclaim counts each crash', async () => {
      let item: RequestItem = await abandonedAlone()
      for (const crashes of [1, 2]) {
        const terms = { claim_id: claimIdOf(`claim-${crashes}`, true), now: TERMS.now, lease_until: TERMS.now }
        await items.reclaim(item, terms)
        item = { ...item, attempt: crashes + 1, crashes, reached: true }
        expect(await stored(item)).toEqual(item)
      }
    })

    it('the field which says that the request ran alone (`alone`) is removed from the item once the request is queued again or has ended', async () => {
      const [back, done] = [await given(), await given()]
      for (const item of [back, done]) await items.claim(aMessage(item), { ...TERMS, claim_id: claimIdOf('c', true) })

      const claimed = { ...back, attempt: 1 }
      await items.requeue(claimed, { claim_id: claimIdOf('c', true), not_before: NOW, attempt: 1, reached: true })
      await items.decide(decisionOf({ ...done, attempt: 1 }))

      expect(await stored(back)).toMatchObject({ status: 'queued' })
      expect(await stored(done)).toMatchObject({ status: 'completed' })
      for (const item of [back, done]) expect(await stored(item)).not.toHaveProperty('alone')
    })

    it('reclaim does not claim a request whose lease still holds', async () => {
      const item = await given({ ...abandoned, lease_until: TERMS.now + 1 })

      expect(await items.reclaim(item, TERMS)).toEqual({ claimed: false, item })
    })

    it.each(statesBut('abandoned'))('reclaim does not change an item that is $state', async ({ item: fields }) => {
      const item = await given(fields)

      expect(await items.reclaim(item, TERMS)).toEqual({ claimed: false, item })
      expect(await stored(item)).toEqual(item)
    })

    it.each([{ attempt: 2 }, { run: 2 }])(
      'reclaim does not change an item that has changed since it was read (now %j)',
      async now => {
        const item = await given({ ...abandoned, ...now })

        expect(await items.reclaim({ ...item, attempt: 1, run: 1 }, TERMS)).toEqual({ claimed: false, item })
      },
    )

    it('reclaim answers with the same claim when it is repeated because its answer was lost', async () => {
      const item = await abandonedAlone()
      const first = await items.reclaim(item, TERMS)

      expect(await items.reclaim(item, TERMS)).toEqual(first)
      expect((await stored(item))?.crashes).toBe(1)
    })

    it('reclaim answers that nothing is claimed if there is no item', async () => {
      expect(await items.reclaim(anItem(abandoned), TERMS)).toEqual({ claimed: false, item: undefined })
    })
  })
}
