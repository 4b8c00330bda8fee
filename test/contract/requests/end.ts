import { describe, expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { NOW } from '../../support/clock.ts'
import { anItem } from '../../support/requests.ts'
import { itemsTools, statesBut, USAGE } from './tools.ts'

/** Tests that a request ends once (I2, I7). */
export function describeEnds(name: string, items: RequestItems): void {
  const { given, stored, decisionOf } = itemsTools(items)

  describe(`items on ${name}: expire`, () => {
    it('expire ends a queued request at its deadline, without a charge', async () => {
      const item = await given({ deadline: NOW + 5 })

      const expired = await items.expire(item, NOW + 5)

      expect(expired).toEqual({ ...item, status: 'expired', completed_at: NOW + 5 })
      expect(await stored(item)).toEqual(expired)
    })

    it('expire writes a charge if an attempt of the request has reached the model, so its reservation is settled', async () => {
      const item = await given({ deadline: NOW, attempt: 1, not_before: NOW + 9, reached: true })

      const expired = await items.expire(item, NOW)

      expect(expired).toMatchObject({ status: 'expired', charge: 0 })
      expect(expired?.not_before).toBeUndefined()
    })

    it('expire does not expire a request before its deadline', async () => {
      const item = await given({ deadline: NOW + 5 })

      expect(await items.expire(item, NOW + 4)).toBeUndefined()
      expect(await stored(item)).toEqual(item)
    })

    it.each(statesBut('queued', 'queued for a retry', 'expired'))(
      'expire does not change an item that is $state',
      async ({ item: fields }) => {
        const item = await given({ ...fields, deadline: NOW })

        expect(await items.expire(item, NOW)).toBeUndefined()
        expect(await stored(item)).toEqual(item)
      },
    )

    it('expire answers a repeated call with the item that the first call has written', async () => {
      const item = await given({ deadline: NOW })
      const first = await items.expire(item, NOW)

      expect(await items.expire(item, NOW + 1_000)).toEqual(first)
    })

    it.each([{ attempt: 1 }, { run: 2 }])(
      'expire does not change an item that has changed since it was read (now %j)',
      async now => {
        const item = await given({ deadline: NOW, ...now })

        expect(await items.expire({ ...item, attempt: 0, run: 1 }, NOW)).toBeUndefined()
        expect(await stored(item)).toEqual(item)
      },
    )

    it('expire returns undefined if there is no item', async () => {
      expect(await items.expire(anItem({ deadline: NOW }), NOW)).toBeUndefined()
    })
  })

  describe(`items on ${name}: decide`, () => {
    const running = { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW + 60_000 } as const
    const failure = { status: 'failed', usage: undefined, error: { code: 'model_error', message: 'm' } } as const

    it('decide completes a running request, and removes its lease', async () => {
      const item = await given(running)

      const decided = await items.decide(decisionOf(item))

      const { lease_until: _, ...rest } = item
      expect(decided).toEqual({ ...rest, status: 'completed', completed_at: NOW + 9_000, usage: USAGE, charge: 7 })
      expect(await stored(item)).toEqual(decided)
    })

    it('decide fails a running request with its error, and without a charge if the model was not reached', async () => {
      const item = await given(running)

      const decided = await items.decide(decisionOf(item, { ...failure, charge: undefined }))

      expect(decided).toMatchObject({ status: 'failed', error: failure.error })
      expect(decided).not.toHaveProperty('charge')
      expect(decided).not.toHaveProperty('usage')
    })

    it.each([
      { what: 'a status and a text', error: { ...failure.error, status: 400, detail: 'bad field "x" \\ \ufffd' } },
      { what: 'a status only', error: { ...failure.error, status: 502 } },
      { what: 'a text only', error: { ...failure.error, detail: 'why' } },
    ])('decide keeps the model’s answer in the error of a failure: $what', async ({ error }) => {
      const item = await given(running)

      const decided = await items.decide(decisionOf(item, { ...failure, error, charge: 0 }))

      expect(decided?.error).toEqual(error)
      expect(await stored(item)).toEqual(decided)
      expect(await items.decide(decisionOf(item, { ...failure, error, charge: 0 }))).toEqual(decided)
    })

    it('decide stores a usage with only the counts that the model reported', async () => {
      for (const usage of [{ total_tokens: 9 }, { prompt_tokens: 5, total_tokens: 5 }]) {
        const item = await given(running)

        expect((await items.decide(decisionOf(item, { usage })))?.usage).toEqual(usage)
        expect((await stored(item))?.usage).toEqual(usage)
      }
    })

    it('decide stores the error of a failure, which a later redrive removes', async () => {
      const item = await given({ ...running, next_run: 2 })
      const error = { ...failure.error, status: 400, detail: 'why' }
      const failed = await items.decide(decisionOf(item, { ...failure, error, charge: 0 }))
      if (!failed) throw new Error('the item has not failed')

      const reservation = { ...reservationOf(failed), run: 2, nonce: 'another' }
      const redriven = await items.redrive(failed, { reservation, deadline: NOW + 90_000 })

      expect(redriven).toMatchObject({ status: 'queued', run: 2 })
      expect(redriven).not.toHaveProperty('error')
    })

    it.each([decisionOf(anItem()), decisionOf(anItem(), failure)])(
      'decide answers a repeated decision with the item of the first decision ($status)',
      async ({ status, usage, error }) => {
        const item = await given(running)
        const decision = decisionOf(item, { status, usage, error })
        const first = await items.decide(decision)

        const again = await items.decide({ ...decision, completed_at: NOW + 99_000, charge: 999 })

        expect(again).toEqual(first)
        expect(await stored(item)).toEqual(first)
      },
    )

    it('decide does not replace a success by a failure, or a failure by a success (I2)', async () => {
      const completed = await given(running)
      const failed = await given(running)
      await items.decide(decisionOf(completed))
      await items.decide(decisionOf(failed, failure))

      expect(await items.decide(decisionOf(completed, failure))).toBeUndefined()
      expect(await items.decide(decisionOf(failed))).toBeUndefined()
      expect((await stored(completed))?.status).toBe('completed')
      expect((await stored(failed))?.status).toBe('failed')
    })

    it.each([
      { what: 'a stale attempt', stale: { attempt: 1 } },
      { what: 'an attempt that does not exist', stale: { attempt: 3 } },
      { what: 'an earlier run', stale: { run: 1 } },
    ])('decide ignores an outcome of $what (I7)', async ({ stale }) => {
      const item = await given({ ...running, attempt: 2, run: 2 })

      expect(await items.decide(decisionOf(item, stale))).toBeUndefined()
      expect(await stored(item)).toEqual(item)
    })

    it.each(statesBut('running', 'abandoned', 'completed'))(
      'decide does not complete an item that is $state',
      async ({ item: fields }) => {
        const item = await given({ attempt: 1, ...fields })

        expect(await items.decide(decisionOf(item))).toBeUndefined()
        expect(await stored(item)).toEqual(item)
      },
    )

    it('decide accepts an outcome after the end of the lease (the time that the worker had to run the request) if no other worker has claimed the request', async () => {
      const item = await given({ ...running, lease_until: NOW - 1 })

      expect(await items.decide(decisionOf(item))).toMatchObject({ status: 'completed' })
    })

    it('decide returns undefined if there is no item', async () => {
      expect(await items.decide(decisionOf(anItem({ attempt: 1 })))).toBeUndefined()
    })

    it.each(['\u{1f600} \uffff', 'x'.repeat(2_000), ''])('decide keeps an error’s text (%#)', async message => {
      const item = await given(running)

      const decided = await items.decide(
        decisionOf(item, { status: 'failed', error: { code: 'model_error', message } }),
      )

      expect(decided?.error?.message).toBe(message)
    })
  })

  describe(`items on ${name}: reject`, () => {
    const tombstoneOf = (item: RequestItem): RequestItem => ({ ...item, status: 'rejected', completed_at: NOW })

    it('reject writes a tombstone (an item with the status `rejected`) if there is no item', async () => {
      const tombstone = tombstoneOf(anItem())

      expect(await items.reject(tombstone)).toEqual(tombstone)
      expect(await stored(tombstone)).toEqual(tombstone)
    })

    it('reject ends a request that was never attempted as rejected', async () => {
      const item = await given()

      expect(await items.reject(tombstoneOf(item))).toEqual(tombstoneOf(item))
      expect(await stored(item)).toEqual(tombstoneOf(item))
    })

    it.each(statesBut('queued'))('reject does not change an item that is $state', async ({ item: fields }) => {
      const item = await given(fields)

      expect(await items.reject(tombstoneOf(item))).toEqual(item)
      expect(await stored(item)).toEqual(item)
    })

    it('reject does not reject an item that is already in a later run', async () => {
      const item = await given({ run: 2 })

      expect(await items.reject(tombstoneOf({ ...item, run: 1 }))).toEqual(item)
    })

    it('reject answers a repeated call with the tombstone of the first call', async () => {
      const item = await given()
      await items.reject(tombstoneOf(item))

      expect(await items.reject({ ...tombstoneOf(item), completed_at: NOW + 1 })).toEqual(tombstoneOf(item))
    })

    it('a tombstone prevents that the request is created after it, so a rejected request never runs', async () => {
      const item = anItem()
      await items.reject(tombstoneOf(item))

      expect(await items.create(item)).toEqual(tombstoneOf(item))
    })
  })
}
