import { describe, expect, it } from 'vitest'
import { reservationOf } from '../../../functions/core/domain/item.ts'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { NOW } from '../../support/clock.ts'
import { anItem } from '../../support/requests.ts'
import { itemsTools, STATES, TERMS } from './tools.ts'

const GOING_ON = ['queued', 'queued for a retry', 'running', 'abandoned']

/** Tests how an owner deletes a request. */
export function describeErasures(name: string, items: RequestItems): void {
  const { given, stored, decisionOf } = itemsTools(items)

  describe(`items on ${name}: erase`, () => {
    it.each(STATES.filter(({ state }) => !GOING_ON.includes(state)))(
      'erase marks an item that is $state as deleted by its owner (`erased`), and does not change it when the call is repeated',
      async ({ item: fields }) => {
        const item = await given(fields)

        expect(await items.erase(item)).toBe(true)
        expect(await items.erase(item)).toBe(true)

        expect(await stored(item)).toEqual({ ...item, erased: true })
      },
    )

    it.each(STATES.filter(({ state }) => GOING_ON.includes(state)))(
      'erase does not mark an item that is $state as deleted, since the request has not ended and nobody has cancelled it',
      async ({ item: fields }) => {
        const item = await given(fields)

        expect(await items.erase(item)).toBe(false)

        expect(await stored(item)).toEqual(item)
      },
    )

    it('erase marks a running item that has a wish to cancel as deleted (`erased`), and the item then ends as cancelled', async () => {
      const item = await given({ status: 'running', attempt: 1, started_at: NOW, lease_until: TERMS.lease_until })
      await items.cancel(item, NOW)

      expect(await items.erase(item)).toBe(true)

      expect(await items.decide(decisionOf(item))).toMatchObject({ status: 'cancelled', charge: 7, erased: true })
    })

    it('erase does not create an item if there is none', async () => {
      const item = anItem()

      expect(await items.erase(item)).toBe(true)
      expect(await stored(item)).toBeUndefined()
    })

    it('erase prevents a later redrive of a failed item, so a deleted request never runs again', async () => {
      const error = { code: 'model_error', message: 'm' }
      const item = await given({ status: 'failed', attempt: 1, completed_at: NOW, charge: 7, error })
      await items.erase(item)
      const reservation = { ...reservationOf(item), run: item.next_run, nonce: 'again' }

      expect(await items.redrive(item, { reservation, deadline: NOW + 9 })).toBeUndefined()

      expect(await stored(item)).toEqual({ ...item, erased: true })
    })
  })
}
