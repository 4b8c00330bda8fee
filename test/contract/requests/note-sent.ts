import { describe, expect, it } from 'vitest'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { aMessage, anItem, aReservation } from '../../support/requests.ts'
import { itemsTools, STATES, statesBut, TERMS } from './tools.ts'

const QUEUED = ['queued', 'queued for a retry']

/** Tests the field `sent` of the item, which says for which run the gateway has sent the message of a queued request again. */
export function describeNoteSent(name: string, items: RequestItems): void {
  const { given, stored } = itemsTools(items)

  describe(`items on ${name}: noteSent`, () => {
    it.each(STATES.filter(({ state }) => QUEUED.includes(state)))(
      'noteSent writes the run into the field `sent` of an item that is $state',
      async state => {
        const item = await given(state.item)

        await items.noteSent(item)
        await items.noteSent(item)

        expect(await stored(item)).toEqual({ ...item, sent: 1 })
      },
    )

    it.each(statesBut(...QUEUED))('noteSent does not change an item that is $state', async ({ item: fields }) => {
      const item = await given(fields)

      await items.noteSent(item)

      expect(await stored(item)).toEqual(item)
    })

    it('noteSent changes nothing for an earlier run or an item that does not exist', async () => {
      const item = await given({ run: 2, next_run: 3 })
      const absent = anItem()

      await items.noteSent({ ...item, run: 1 })
      await items.noteSent(absent)

      expect(await stored(item)).toEqual(item)
      expect(await stored(absent)).toBeUndefined()
    })

    it('a claim removes the field `sent`, and the field does not count for the next run, so the gateway may then send the message again', async () => {
      const item = await given()
      await items.noteSent(item)
      const claimed = await items.claim(aMessage(item), TERMS)
      expect(claimed).toMatchObject({ claimed: true, item: { status: 'running', attempt: 1 } })
      expect(claimed.item).not.toHaveProperty('sent')

      const failed = await given({ status: 'failed', sent: 1 })
      const reservation = { ...aReservation(), request_id: failed.request_id, run: 2, nonce: 'another' }
      const redriven = await items.redrive(failed, { reservation, deadline: failed.deadline })

      expect(redriven).toMatchObject({ status: 'queued', run: 2 })
      expect(redriven?.sent).not.toBe(2)
    })
  })
}
