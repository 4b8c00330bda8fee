import { describe, expect, it } from 'vitest'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { NOW } from '../../support/clock.ts'
import { itemsTools, statesBut, USAGE } from './tools.ts'

/** Tests how a request ends without an outcome: its owner cancels it (`cancel`), or it is failed without a worker (`giveUp`). */
export function describeGivingUp(name: string, items: RequestItems): void {
  const { given, stored, decisionOf } = itemsTools(items)

  describe(`items on ${name}: cancel`, () => {
    const running = { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW + 60_000 } as const

    it('cancel ends a queued request without a charge', async () => {
      const item = await given()

      const cancelled = await items.cancel(item, NOW)

      expect(cancelled).toEqual({ ...item, status: 'cancelled', completed_at: NOW })
      expect(await stored(item)).toEqual(cancelled)
    })

    it('cancel ends a request that waits for a retry: with a charge if an attempt has reached the model, and otherwise without one', async () => {
      const reached = await given({ attempt: 1, not_before: NOW + 60_000, reached: true })
      const unreached = await given({ attempt: 1, not_before: NOW + 60_000 })

      expect(await items.cancel(reached, NOW)).toMatchObject({ status: 'cancelled', charge: 0 })
      expect(await items.cancel(unreached, NOW)).not.toHaveProperty('charge')
    })

    it('cancel writes the wish to cancel into a running item, and the outcome then ends the request as cancelled', async () => {
      const item = await given(running)

      const asked = await items.cancel(item, NOW)
      const decided = await items.decide(decisionOf(item))

      expect(asked).toMatchObject({ status: 'running', cancel_requested: true })
      expect(decided).toMatchObject({ status: 'cancelled', usage: USAGE, charge: 7 })
      expect(await items.decide(decisionOf(item))).toEqual(decided)
    })

    it('a running request with a wish to cancel ends as cancelled, without an error, even if its outcome is a failure', async () => {
      const item = await given(running)
      await items.cancel(item, NOW)

      const decided = await items.decide(
        decisionOf(item, { status: 'failed', error: { code: 'model_error', message: 'm' }, charge: 0 }),
      )

      expect(decided).toMatchObject({ status: 'cancelled', charge: 0 })
      expect(decided).not.toHaveProperty('error')
    })

    it('a repeated cancel gives the same answer', async () => {
      const queued = await given()
      const first = await items.cancel(queued, NOW)
      const busy = await given(running)
      const asked = await items.cancel(busy, NOW)

      expect(await items.cancel(queued, NOW + 1)).toEqual(first)
      expect(await items.cancel(busy, NOW + 1)).toEqual(asked)
    })

    it.each(statesBut('queued', 'queued for a retry', 'cancelled'))(
      'cancel does not cancel a request that was queued and is now $state',
      async ({ item: fields }) => {
        const item = await given(fields)

        expect(await items.cancel({ ...item, status: 'queued' }, NOW)).toBeUndefined()
        expect(await stored(item)).toEqual(item)
      },
    )
  })

  describe(`items on ${name}: giveUp`, () => {
    const failure = { code: 'worker_crashed', message: 'm' }

    it.each([
      { what: 'running with an expired lease', fields: { status: 'running', attempt: 2, lease_until: NOW }, charge: 0 },
      {
        what: 'queued after an attempt that reached the model',
        fields: { status: 'queued', attempt: 1, not_before: NOW, reached: true },
        charge: 0,
      },
      {
        what: 'queued after an attempt that did not reach the model',
        fields: { status: 'queued', attempt: 1, not_before: NOW },
        charge: undefined,
      },
      { what: 'queued and never attempted', fields: { status: 'queued' }, charge: undefined },
    ] as const)('giveUp fails a request that is $what', async ({ fields, charge }) => {
      const item = await given(fields)

      const failed = await items.giveUp(item, failure, NOW)

      expect(failed).toMatchObject({ status: 'failed', error: failure, completed_at: NOW })
      expect(failed?.charge).toBe(charge)
      expect(await items.giveUp(item, failure, NOW + 1)).toEqual(failed)
    })

    it('giveUp cancels, and does not fail, a request with a wish to cancel', async () => {
      const item = await given({ status: 'running', attempt: 1, lease_until: NOW, cancel_requested: true })

      const cancelled = await items.giveUp(item, failure, NOW)

      expect(cancelled).toMatchObject({ status: 'cancelled', charge: 0 })
      expect(cancelled).not.toHaveProperty('error')
    })

    it.each([
      { what: 'a lease that still holds', fields: { status: 'running', attempt: 1, lease_until: NOW + 1 } },
      { what: 'a backoff that has not passed', fields: { status: 'queued', attempt: 1, not_before: NOW + 1 } },
    ] as const)('giveUp never fails a request with $what', async ({ fields }) => {
      const item = await given(fields)

      expect(await items.giveUp(item, failure, NOW)).toBeUndefined()
      expect(await stored(item)).toEqual(item)
    })

    it('giveUp does not fail a request that a worker has claimed (to run it) after the caller has read it', async () => {
      const item = await given({ status: 'running', attempt: 2, lease_until: NOW })

      expect(await items.giveUp({ ...item, attempt: 1 }, failure, NOW)).toBeUndefined()
      expect(await stored(item)).toEqual(item)
    })
  })
}
