import { describe, expect, it } from 'vitest'
import type { Quota } from '../../../functions/core/stores/quota/port.ts'
import { NOW } from '../../support/clock.ts'
import { aReservation, newRequestId, newUser } from '../../support/requests.ts'
import { heldBy, PLENTY, quotaTools } from './tools.ts'

/** Tests which reservations are admitted (I1). */
export function describeReserve(name: string, quota: Quota): void {
  const { reserve, countersOf, usedBy, reserveMany } = quotaTools(quota)

  describe(`quota on ${name}: reserve`, () => {
    it('the quota admits the first reservation of a window, and answers the usage after it', async () => {
      const reservation = aReservation({ user_id: newUser(), estimate: 12 })

      const admission = await reserve(reservation)

      expect(admission).toEqual({ admitted: true, reservation, used: { requests: 1, tokens: 12 } })
      expect(await countersOf(reservation)).toEqual({ requests: 1, tokens: 12, open: [{ reservation, at: NOW }] })
    })

    it('the quota answers the usage after each further reservation', async () => {
      const userId = newUser()
      await reserve(aReservation({ user_id: userId, estimate: 12 }))

      const admission = await reserve(aReservation({ user_id: userId, estimate: 30 }))

      expect(admission).toMatchObject({ admitted: true, used: { requests: 2, tokens: 42 } })
    })

    it.each([
      { limit: 'requests', limits: { ...PLENTY, requests: 100 } },
      { limit: 'tokens', limits: { ...PLENTY, tokens: 1_009 } },
      { limit: 'in_flight', limits: { ...PLENTY, in_flight: 100 } },
    ])('the quota admits exactly 100 of 200 parallel reservations if $limit allows 100 (I1)', async ({ limits }) => {
      const userId = newUser()

      const admissions = await reserveMany(200, { user_id: userId }, limits)

      expect(admissions.filter(({ admitted }) => admitted)).toHaveLength(100)
      expect(await usedBy(aReservation({ user_id: userId }))).toEqual({ requests: 100, tokens: 1_000, in_flight: 100 })
    })

    it('the quota admits all reservations that arrive in parallel before the window has an item', async () => {
      const userId = newUser()

      const admissions = await reserveMany(20, { user_id: userId })

      expect(admissions.every(({ admitted }) => admitted)).toBe(true)
      expect(await usedBy(aReservation({ user_id: userId }))).toEqual({ requests: 20, tokens: 200, in_flight: 20 })
    })

    it('the quota admits a reservation that needs exactly the remaining tokens', async () => {
      const admission = await reserve(aReservation({ user_id: newUser(), estimate: 10 }), { ...PLENTY, tokens: 10 })

      expect(admission.admitted).toBe(true)
    })

    it('the quota refuses a reservation that is larger than the limit, and stores nothing', async () => {
      const reservation = aReservation({ user_id: newUser(), estimate: 11 })

      const admission = await reserve(reservation, { ...PLENTY, tokens: 10 })

      expect(admission).toEqual({ admitted: false, counters: { requests: 0, tokens: 0, open: [] } })
      expect(await usedBy(reservation)).toEqual({ requests: 0, tokens: 0, in_flight: 0 })
    })

    it.each([
      { limit: 'requests', limits: { ...PLENTY, requests: 1 } },
      { limit: 'tokens', limits: { ...PLENTY, tokens: 19 } },
      { limit: 'in_flight', limits: { ...PLENTY, in_flight: 1 } },
    ])(
      'the quota refuses a reservation when $limit is used up, answers the counters, and does not change them',
      async ({ limits }) => {
        const held = aReservation({ user_id: newUser() })
        await reserve(held, limits)
        const before = await countersOf(held)

        const admission = await reserve(aReservation({ user_id: held.user_id }), limits)

        expect(admission).toEqual({ admitted: false, counters: before })
        expect(before).toEqual({ requests: 1, tokens: 10, open: [{ reservation: held, at: NOW }] })
        expect(await countersOf(held)).toEqual(before)
      },
    )

    it('the quota holds a reservation only once if ten parallel calls make the same reservation', async () => {
      const reservation = aReservation({ user_id: newUser() })

      const admissions = await Promise.all(Array.from({ length: 10 }, () => reserve(reservation)))

      for (const admission of admissions) expect(heldBy(admission)).toEqual(reservation)
      expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 10, in_flight: 1 })
    })

    it('the quota answers a repeated call with the existing reservation, even if the limits are used up and the nonce (the id of the try) differs', async () => {
      const limits = { requests: 1, tokens: 10, in_flight: 1 }
      const first = aReservation({ user_id: newUser() })
      await reserve(first, limits)

      const admission = await reserve({ ...first, nonce: 'nonce-2', estimate: 99 }, limits)

      expect(heldBy(admission)).toEqual(first)
      expect(await usedBy(first)).toEqual({ requests: 1, tokens: 10, in_flight: 1 })
    })

    it('the quota counts the reservations of each user, window and shard (part of a user’s counters) separately', async () => {
      const one = aReservation({ user_id: newUser() })
      const others = [
        { ...one, user_id: newUser() },
        { ...one, window: '2026-11-24' },
        { ...one, shard: 1 },
      ]
      const limits = { requests: 1, tokens: 10, in_flight: 1 }

      const admissions = await Promise.all([one, ...others].map(reservation => reserve(reservation, limits)))

      expect(admissions.map(({ admitted }) => admitted)).toEqual([true, true, true, true])
      for (const reservation of [one, ...others])
        expect(await countersOf(reservation)).toMatchObject({ requests: 1, open: [{ reservation }] })
    })

    it.each(['a.b@c-d_e', '.', '1', '-._@', 'x'.repeat(128)])(
      'the quota stores and removes the reservation of the user %s',
      async userId => {
        const reservation = aReservation({ user_id: userId })

        await reserve(reservation)
        const { open } = await countersOf(reservation)
        await quota.close([{ reservation, charge: 3 }])

        expect(open).toEqual([{ reservation, at: NOW }])
        expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 3, in_flight: 0 })
      },
    )

    it('the quota admits a redrive (a failed request that runs again), which holds no request, if the limit of requests is used up, and counts no request for it', async () => {
      const limits = { ...PLENTY, requests: 1 }
      const held = aReservation({ user_id: newUser() })
      await reserve(held, limits)

      const redrive = aReservation({ user_id: held.user_id, holds_request: false, run: 2 })
      const admission = await reserve(redrive, limits)

      expect(admission).toMatchObject({ admitted: true, used: { requests: 1, tokens: 20 } })
    })

    it('the quota admits a redrive even if an operator has lowered the limit of requests below the used requests', async () => {
      const { user_id } = aReservation({ user_id: newUser() })
      await reserveMany(3, { user_id })

      const admission = await reserve(aReservation({ user_id, holds_request: false }), { ...PLENTY, requests: 1 })

      expect(admission.admitted).toBe(true)
    })

    it('the quota admits a redrive as the first reservation of a window, and counts no request', async () => {
      const redrive = aReservation({ user_id: newUser(), holds_request: false })

      const admission = await reserve(redrive)

      expect(admission).toEqual({ admitted: true, reservation: redrive, used: { requests: 0, tokens: 10 } })
    })
  })

  describe(`quota on ${name}: read`, () => {
    it('quota.read answers zeros for a window without admissions', async () => {
      expect(await quota.read(newUser(), '2026-11-23', 0)).toEqual({ requests: 0, tokens: 0, open: [] })
    })

    it('quota.read answers each open reservation unchanged, of any run', async () => {
      const userId = newUser()
      const reservations = [
        aReservation({ user_id: userId, request_id: newRequestId(), run: 17, nonce: 'a:b', estimate: 0 }),
        aReservation({ user_id: userId, holds_request: false, estimate: 7 }),
      ]
      for (const reservation of reservations) await reserve(reservation)

      const { open } = await quota.read(userId, '2026-11-23', 0)

      expect(open).toHaveLength(2)
      for (const reservation of reservations) expect(open).toContainEqual({ reservation, at: NOW })
    })
  })
}
