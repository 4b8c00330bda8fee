import { describe, expect, it } from 'vitest'
import type { Counters, Quota } from '../../../functions/core/stores/quota/port.ts'
import { NOW } from '../../support/clock.ts'
import { aReservation, newUser } from '../../support/requests.ts'
import { heldBy, PLENTY, quotaTools } from './tools.ts'

/** Tests the changes that a settlement or a release makes (I3). */
export function describeClose(name: string, quota: Quota): void {
  const { reserve, countersOf, usedBy, reserveMany } = quotaTools(quota)

  describe(`quota on ${name}: close`, () => {
    it.each([0, 3, 10, 500])('quota.close settles an estimate of 10 at %i tokens', async charge => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation)

      await quota.close([{ reservation, charge }])

      expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: charge, in_flight: 0 })
    })

    it('quota.close removes a released reservation from all counters', async () => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation)

      await quota.close([{ reservation }])

      expect(await usedBy(reservation)).toEqual({ requests: 0, tokens: 0, in_flight: 0 })
    })

    it('quota.close does not lower the number of requests when it releases the reservation of a redrive (a failed request that runs again), which holds no request', async () => {
      const userId = newUser()
      const redrive = aReservation({ user_id: userId, holds_request: false })
      await reserve(aReservation({ user_id: userId }))
      await reserve(redrive)

      await quota.close([{ reservation: redrive }])

      expect(await usedBy(redrive)).toEqual({ requests: 1, tokens: 10, in_flight: 1 })
    })

    it.each([
      { name: 'a second settle', first: { charge: 3 }, second: { charge: 3 } },
      { name: 'a settle at another charge', first: { charge: 3 }, second: { charge: 8 } },
      { name: 'a release after a settle', first: { charge: 3 }, second: {} },
      { name: 'a second release', first: {}, second: {} },
      { name: 'a settle after a release', first: {}, second: { charge: 3 } },
    ])('$name of the same reservation changes nothing (I3)', async ({ first, second }) => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation)
      await reserve(aReservation({ user_id: reservation.user_id }))
      await quota.close([{ reservation, ...first }])
      const before = await countersOf(reservation)

      await quota.close([{ reservation, ...second }])

      expect(await countersOf(reservation)).toEqual(before)
    })

    it('quota.close settles a reservation once when 20 calls settle it in parallel', async () => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation)

      await Promise.all(Array.from({ length: 20 }, () => quota.close([{ reservation, charge: 7 }])))

      expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 7, in_flight: 0 })
    })

    it.each([{ charge: 3 }, {}])(
      'quota.close ignores a reservation that has another nonce (id), since it may belong to another try to reserve (%j)',
      async closing => {
        const reservation = aReservation({ user_id: newUser() })
        await reserve(reservation)

        await quota.close([{ reservation: { ...reservation, nonce: 'nonce-2' }, ...closing }])

        expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 10, in_flight: 1 })
      },
    )

    it('quota.close does not close the reservation of another run of the same request', async () => {
      const first = aReservation({ user_id: newUser() })
      const second = { ...first, run: 2, nonce: 'nonce-2', holds_request: false }
      await reserve(first)
      await reserve(second)

      await quota.close([{ reservation: first, charge: 3 }])

      expect(await countersOf(first)).toEqual({ requests: 1, tokens: 13, open: [{ reservation: second, at: NOW }] })
    })

    it.each([{ charge: 3 }, {}])('quota.close does nothing for a user without reservations (%j)', async closing => {
      const reservation = aReservation({ user_id: newUser() })

      await quota.close([{ reservation, ...closing }])

      expect(await usedBy(reservation)).toEqual({ requests: 0, tokens: 0, in_flight: 0 })
    })

    it('quota.close does nothing for an empty batch', async () => {
      await expect(quota.close([])).resolves.toBeUndefined()
    })

    it('quota.close settles and releases reservations of several users, windows and shards (parts of a user’s counters) in one batch', async () => {
      const [a, b] = [newUser(), newUser()]
      const settled = aReservation({ user_id: a })
      const released = aReservation({ user_id: a })
      const elsewhere = [
        aReservation({ user_id: b }),
        aReservation({ user_id: a, shard: 2 }),
        aReservation({ user_id: a, window: '2026-11-24' }),
      ]
      for (const reservation of [settled, released, ...elsewhere]) await reserve(reservation)

      await quota.close([
        { reservation: settled, charge: 4 },
        { reservation: released },
        ...elsewhere.map(reservation => ({ reservation, charge: 5 })),
      ])

      expect(await usedBy(settled)).toEqual({ requests: 1, tokens: 4, in_flight: 0 })
      for (const reservation of elsewhere)
        expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 5, in_flight: 0 })
    })

    it('quota.close closes a batch of 50 reservations of one user', async () => {
      const userId = newUser()
      const admissions = await reserveMany(50, { user_id: userId })

      await quota.close(admissions.map(admission => ({ reservation: heldBy(admission), charge: 2 })))

      expect(await usedBy(aReservation({ user_id: userId }))).toEqual({ requests: 50, tokens: 100, in_flight: 0 })
    })

    it('quota.close closes the other reservations of a batch if one of them is already closed', async () => {
      const userId = newUser()
      const [closed, ...open] = (await reserveMany(5, { user_id: userId })).map(heldBy)
      if (closed) await quota.close([{ reservation: closed, charge: 1 }])

      await quota.close([closed, ...open].flatMap(r => (r ? [{ reservation: r, charge: 2 }] : [])))

      expect(await usedBy(aReservation({ user_id: userId }))).toEqual({ requests: 5, tokens: 9, in_flight: 0 })
    })

    it('quota.close charges a reservation once if the batch contains it twice', async () => {
      const userId = newUser()
      const reservation = aReservation({ user_id: userId })
      await reserve(reservation)
      await reserve(aReservation({ user_id: userId }))

      await quota.close([
        { reservation, charge: 4 },
        { reservation, charge: 4 },
      ])

      expect(await usedBy(reservation)).toEqual({ requests: 2, tokens: 14, in_flight: 1 })
    })

    it('quota.close makes room for the next reservation by a release or a settlement', async () => {
      const limits = { requests: 2, tokens: 12, in_flight: 1 }
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation, limits)

      await quota.close([{ reservation, charge: 2 }])

      expect((await reserve(aReservation({ user_id: reservation.user_id }), limits)).admitted).toBe(true)
    })

    it('after a settlement whose charge exceeds the limit, the quota refuses the next reservation', async () => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation, { ...PLENTY, tokens: 10 })
      await quota.close([{ reservation, charge: 900 }])

      const admission = await reserve(aReservation({ user_id: reservation.user_id }), { ...PLENTY, tokens: 10 })

      const counters: Counters = { requests: 1, tokens: 900, open: [] }
      expect(admission).toEqual({ admitted: false, counters })
    })
  })
}
