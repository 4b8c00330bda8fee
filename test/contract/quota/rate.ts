import { describe, expect, it } from 'vitest'
import { DEFAULT_RATE, type Rate } from '../../../functions/core/domain/rate.ts'
import type { Quota } from '../../../functions/core/stores/quota/port.ts'
import { NOW } from '../../support/clock.ts'
import { aReservation, newUser } from '../../support/requests.ts'
import { PLENTY, quotaTools } from './tools.ts'

const MINUTE = 60_000
/** A full hour, so an interval of a second, a minute and an hour begins at this time. */
const HOUR = Math.floor(NOW / 3_600_000) * 3_600_000
const RATES: readonly Rate[] = [
  { count: 3, interval_ms: 1_000 },
  { count: 3, interval_ms: MINUTE },
  { count: 3, interval_ms: 3_600_000 },
]

/** Tests how many POSTs of a user the rate (calls per second, minute or hour) admits. */
export function describeRate(name: string, quota: Quota): void {
  const { countersOf } = quotaTools(quota)
  const post = (userId: string, rate: Rate | undefined, now: number, fields = {}) =>
    quota.reserve(aReservation({ user_id: userId, ...fields }), { ...PLENTY, rate }, now)
  const posts = async (count: number, userId: string, rate: Rate | undefined, now: number) => {
    const admissions = []
    for (let i = 0; i < count; i++) admissions.push(await post(userId, rate, now))
    return admissions.map(({ admitted }) => admitted)
  }

  describe(`quota on ${name}: rate`, () => {
    it('the quota admits exactly 100 of 200 parallel POSTs in one interval', async () => {
      const userId = newUser()
      const rate: Rate = { count: 100, interval_ms: MINUTE }

      const admissions = await Promise.all(Array.from({ length: 200 }, () => post(userId, rate, HOUR)))

      const refused = admissions.filter(({ admitted }) => !admitted)
      expect(refused).toHaveLength(100)
      for (const admission of refused) expect(admission).toHaveProperty('over_rate', true)
      expect(await countersOf(aReservation({ user_id: userId }))).toMatchObject({ requests: 100, tokens: 1_000 })
    })

    it.each(RATES)(
      'the quota counts POSTs from zero in each interval of $interval_ms ms, until the end of the interval',
      async rate => {
        const userId = newUser()
        const last = HOUR + rate.interval_ms - 1

        expect(await posts(4, userId, rate, HOUR)).toEqual([true, true, true, false])
        expect(await posts(1, userId, rate, last)).toEqual([false])
        expect(await posts(4, userId, rate, last + 1)).toEqual([true, true, true, false])
      },
    )

    it('the quota admits at most the rate per interval when parallel POSTs come in three intervals', async () => {
      const userId = newUser()
      const rate: Rate = { count: 20, interval_ms: 1_000 }
      await posts(1, userId, rate, HOUR + 1_000)

      const admissions = await Promise.all(
        Array.from({ length: 90 }, (_, i) => post(userId, rate, HOUR + 1_000 + 1_000 * (i % 3))),
      )

      const admitted = admissions.filter(admission => admission.admitted).length
      // A POST with the time of an earlier interval counts in the interval that has already begun. So the order decides how many
      // POSTs are admitted: between 19 and 59 in three intervals of 20, in addition to the first POST.
      expect(admitted).toBeLessThanOrEqual(59)
      expect(admitted).toBeGreaterThanOrEqual(19)
      expect(await posts(1, userId, rate, HOUR + 3_999)).toEqual([false])
    })

    it('the quota counts a POST in the interval that has already begun if the clock of its gateway is slow, so a slow clock admits no further POSTs', async () => {
      const userId = newUser()
      const rate: Rate = { count: 3, interval_ms: MINUTE }
      await posts(2, userId, rate, HOUR + MINUTE)

      expect(await posts(2, userId, rate, HOUR)).toEqual([true, false])
      expect(await posts(1, userId, rate, HOUR + MINUTE)).toEqual([false])
    })

    it('the quota ignores the counted POSTs of any earlier interval', async () => {
      const rate: Rate = { count: 2, interval_ms: MINUTE }
      for (const intervals of [1, 2, 30, 31, 32, 62]) {
        const userId = newUser()
        await posts(3, userId, rate, HOUR)

        expect(await posts(3, userId, rate, HOUR + intervals * MINUTE)).toEqual([true, true, false])
      }
    })

    it('the quota admits exactly as many parallel POSTs as the rate allows, if the item still has the count of an earlier interval', async () => {
      const userId = newUser()
      const rate: Rate = { count: 4, interval_ms: MINUTE }
      await posts(4, userId, rate, HOUR)

      const admissions = await Promise.all(Array.from({ length: 12 }, () => post(userId, rate, HOUR + 31 * MINUTE)))

      expect(admissions.filter(({ admitted }) => admitted)).toHaveLength(4)
    })

    it('the quota neither counts nor refuses a repeated POST that already holds its reservation', async () => {
      const rate: Rate = { count: 2, interval_ms: MINUTE }
      const reservation = aReservation({ user_id: newUser() })
      const again = () => quota.reserve(reservation, { ...PLENTY, rate }, HOUR)

      for (let i = 0; i < 5; i++) expect((await again()).admitted).toBe(true)
      expect(await posts(2, reservation.user_id, rate, HOUR)).toEqual([true, false])
      expect((await again()).admitted).toBe(true)
    })

    it('the rate does not count a POST that a limit of the quota refuses', async () => {
      const userId = newUser()
      const rate: Rate = { count: 2, interval_ms: MINUTE }
      await posts(1, userId, rate, HOUR)
      for (let i = 0; i < 3; i++)
        expect(await post(userId, rate, HOUR, { estimate: PLENTY.tokens })).toMatchObject({ admitted: false })

      expect(await posts(2, userId, rate, HOUR)).toEqual([true, false])
    })

    it('the quota reports the rate as exceeded even if a limit of the quota is exceeded, too', async () => {
      const userId = newUser()
      const limits = { ...PLENTY, requests: 1, rate: { count: 1, interval_ms: MINUTE } as const }
      await quota.reserve(aReservation({ user_id: userId }), limits, HOUR)

      const refused = await quota.reserve(aReservation({ user_id: userId }), limits, HOUR)
      const later = await quota.reserve(aReservation({ user_id: userId }), limits, HOUR + MINUTE)

      expect(refused).toMatchObject({ admitted: false, over_rate: true })
      expect(later).toMatchObject({ admitted: false, counters: { requests: 1 } })
      expect(later).not.toHaveProperty('over_rate')
    })

    it('the quota neither counts nor refuses a reservation without a rate, such as that of a redrive (a failed request that an operator runs again) or of an input queue', async () => {
      const userId = newUser()
      const rate: Rate = { count: 1, interval_ms: MINUTE }

      expect(await posts(2, userId, undefined, HOUR)).toEqual([true, true])
      expect(await posts(2, userId, rate, HOUR)).toEqual([true, false])
      expect(await posts(1, userId, undefined, HOUR)).toEqual([true])
      expect(await posts(1, userId, rate, HOUR)).toEqual([false])
    })

    it('POSTs are counted for the rate separately per user, window and shard (part of a user’s counters)', async () => {
      const rate: Rate = { count: 1, interval_ms: MINUTE }
      const userId = newUser()
      const admissions = await Promise.all([
        post(userId, rate, HOUR),
        post(newUser(), rate, HOUR),
        post(userId, rate, HOUR, { window: '2026-11-24' }),
        post(userId, rate, HOUR, { shard: 1 }),
      ])

      expect(admissions.map(({ admitted }) => admitted)).toEqual([true, true, true, true])
    })

    it('the quota also counts POSTs for the rate if its item has no count yet (an older version wrote it), and if the rate was changed', async () => {
      const userId = newUser()
      await post(userId, undefined, HOUR)
      const slow: Rate = { count: 1, interval_ms: MINUTE }

      expect(await posts(2, userId, slow, HOUR)).toEqual([true, false])
      expect(await posts(3, userId, { ...slow, count: 3 }, HOUR)).toEqual([true, true, false])
      expect(await posts(2, userId, DEFAULT_RATE, HOUR)).toEqual([true, true])
    })
  })
}
