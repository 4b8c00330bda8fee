import { describe, expect, it } from 'vitest'
import type { Quota } from '../../../functions/core/stores/quota/port.ts'
import { NOW } from '../../support/clock.ts'
import { aReservation, newUser } from '../../support/requests.ts'

const LIMITS = { requests: 9, tokens: 900, in_flight: 9 }
const MINUTE = 60_000
const DAY = 86_400_000

async function openOf(quota: Quota, users: readonly string[], time: number) {
  const open = []
  for await (const page of quota.openBefore(time)) open.push(...page)
  return open.filter(({ reservation }) => users.includes(reservation.user_id)).sort((a, b) => a.at - b.at)
}

export function describeOpenBefore(name: string, quota: Quota): void {
  describe(`openBefore, the search of old open reservations, on ${name}`, () => {
    it('openBefore finds old open reservations of all users, windows and shards (parts of a user’s counters), and neither young nor closed reservations', async () => {
      const users = [newUser(), newUser()]
      const [first = '', second = ''] = users
      const old = [
        aReservation({ user_id: first, window: '2026-11-20', nonce: 'a' }),
        aReservation({ user_id: first, shard: 3, run: 2, holds_request: false }),
        aReservation({ user_id: second, window: '2026-11-23T10' }),
      ]
      for (const [i, reservation] of old.entries()) await quota.reserve(reservation, LIMITS, NOW + i)
      await quota.reserve(aReservation({ user_id: second, window: '2026-11-23T10' }), LIMITS, NOW + MINUTE)
      const closed = aReservation({ user_id: second, window: '2026-11-22' })
      await quota.reserve(closed, LIMITS, NOW)
      await quota.close([{ reservation: closed, charge: 1 }])

      const open = await openOf(quota, users, NOW + MINUTE - 1)

      expect(open).toEqual(old.map((reservation, i) => ({ reservation, at: NOW + i })))
    })

    it('openBefore finds a new reservation in an ended window whose earlier reservations are all closed', async () => {
      const userId = newUser()
      const early = aReservation({ user_id: userId })
      await quota.reserve(early, LIMITS, NOW)
      await quota.close([{ reservation: early }])
      expect(await openOf(quota, [userId], NOW + 2 * DAY)).toEqual([])

      const late = aReservation({ user_id: userId })
      await quota.reserve(late, LIMITS, NOW + 2 * DAY)

      expect(await openOf(quota, [userId], NOW + 3 * DAY)).toEqual([{ reservation: late, at: NOW + 2 * DAY }])
    })

    it('openBefore finds in the next search a reservation that is made during a search', async () => {
      const userId = newUser()
      const early = aReservation({ user_id: userId })
      await quota.reserve(early, LIMITS, NOW)
      await quota.close([{ reservation: early }])
      const late = aReservation({ user_id: userId })

      for await (const _ of quota.openBefore(NOW + 2 * DAY)) await quota.reserve(late, LIMITS, NOW + 2 * DAY)

      expect(await openOf(quota, [userId], NOW + 3 * DAY)).toMatchObject([{ reservation: late }])
    })

    it('openBefore finds a reservation in each search, as long as the reservation is open', async () => {
      const reservation = aReservation({ user_id: newUser() })
      await quota.reserve(reservation, LIMITS, NOW)

      for (const days of [1, 30, 60])
        expect(await openOf(quota, [reservation.user_id], NOW + days * DAY)).toHaveLength(1)
    })
  })
}
