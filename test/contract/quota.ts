import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Admission, Counters, Quota } from '../../functions/quota/port.ts'
import type { Reservation } from '../../functions/requests/item.ts'
import type { Limits } from '../../functions/requests/limits.ts'
import { NOW } from '../support/clock.ts'
import { aReservation, newRequestId, newUser } from '../support/requests.ts'

export interface QuotaEngine {
  readonly quota: Quota
  close(): Promise<void>
}

const PLENTY: Limits = { requests: 1_000, tokens: 1_000_000, in_flight: 1_000 }

/** What every quota keeps, whatever it is made of (design.md §2; I1 and I3). */
export function describeQuotaContract(name: string, makeEngine: () => Promise<QuotaEngine>): void {
  let engine: QuotaEngine
  let quota: Quota
  beforeAll(async () => {
    engine = await makeEngine()
    quota = engine.quota
  })
  afterAll(() => engine.close())

  const reserve = (reservation: Reservation, limits = PLENTY) => quota.reserve(reservation, limits, NOW)
  const countersOf = ({ user_id, window, shard }: Reservation) => quota.read(user_id, window, shard)
  const usedBy = async (reservation: Reservation) => {
    const { requests, tokens, open } = await countersOf(reservation)
    return { requests, tokens, in_flight: open.length }
  }
  const reserveMany = (count: number, of: Partial<Reservation>, limits = PLENTY) =>
    Promise.all(Array.from({ length: count }, () => reserve(aReservation(of), limits)))

  describe(`quota on ${name}: reserve`, () => {
    it('admits the first reservation of a window, and says what is used then', async () => {
      const reservation = aReservation({ user_id: newUser(), estimate: 12 })

      const admission = await reserve(reservation)

      expect(admission).toEqual({ admitted: true, reservation, used: { requests: 1, tokens: 12 } })
      expect(await countersOf(reservation)).toEqual({ requests: 1, tokens: 12, open: [{ reservation, at: NOW }] })
    })

    it('says what is used after each further one', async () => {
      const user_id = newUser()
      await reserve(aReservation({ user_id, estimate: 12 }))

      const admission = await reserve(aReservation({ user_id, estimate: 30 }))

      expect(admission).toMatchObject({ admitted: true, used: { requests: 2, tokens: 42 } })
    })

    it.each([
      { limit: 'requests', limits: { ...PLENTY, requests: 100 } },
      { limit: 'tokens', limits: { ...PLENTY, tokens: 1_009 } },
      { limit: 'in_flight', limits: { ...PLENTY, in_flight: 100 } },
    ])('admits exactly 100 of 200 parallel reservations that $limit has room for (I1)', async ({ limits }) => {
      const user_id = newUser()

      const admissions = await reserveMany(200, { user_id }, limits)

      expect(admissions.filter(({ admitted }) => admitted)).toHaveLength(100)
      expect(await usedBy(aReservation({ user_id }))).toEqual({ requests: 100, tokens: 1_000, in_flight: 100 })
    })

    it('loses none of the parallel first reservations of a window', async () => {
      const user_id = newUser()

      const admissions = await reserveMany(20, { user_id })

      expect(admissions.every(({ admitted }) => admitted)).toBe(true)
      expect(await usedBy(aReservation({ user_id }))).toEqual({ requests: 20, tokens: 200, in_flight: 20 })
    })

    it('admits what fits to the last token', async () => {
      const admission = await reserve(aReservation({ user_id: newUser(), estimate: 10 }), { ...PLENTY, tokens: 10 })

      expect(admission.admitted).toBe(true)
    })

    it('refuses what does not fit into an empty window, and leaves nothing of it', async () => {
      const reservation = aReservation({ user_id: newUser(), estimate: 11 })

      const admission = await reserve(reservation, { ...PLENTY, tokens: 10 })

      expect(admission).toEqual({ admitted: false, counters: { requests: 0, tokens: 0, open: [] } })
      expect(await usedBy(reservation)).toEqual({ requests: 0, tokens: 0, in_flight: 0 })
    })

    it.each([
      { limit: 'requests', limits: { ...PLENTY, requests: 1 } },
      { limit: 'tokens', limits: { ...PLENTY, tokens: 19 } },
      { limit: 'in_flight', limits: { ...PLENTY, in_flight: 1 } },
    ])('says the counters that refused, and changes none, when $limit is used up', async ({ limits }) => {
      const held = aReservation({ user_id: newUser() })
      await reserve(held, limits)
      const before = await countersOf(held)

      const admission = await reserve(aReservation({ user_id: held.user_id }), limits)

      expect(admission).toEqual({ admitted: false, counters: before })
      expect(before).toEqual({ requests: 1, tokens: 10, open: [{ reservation: held, at: NOW }] })
      expect(await countersOf(held)).toEqual(before)
    })

    it('holds a reservation once, however often and at once it is asked for', async () => {
      const reservation = aReservation({ user_id: newUser() })

      const admissions = await Promise.all(Array.from({ length: 10 }, () => reserve(reservation)))

      for (const admission of admissions) expect(heldBy(admission)).toEqual(reservation)
      expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 10, in_flight: 1 })
    })

    it('answers a repetition with the reservation that is held, though its limits are used up and its nonce is another', async () => {
      const limits = { requests: 1, tokens: 10, in_flight: 1 }
      const first = aReservation({ user_id: newUser() })
      await reserve(first, limits)

      const admission = await reserve({ ...first, nonce: 'nonce-2', estimate: 99 }, limits)

      expect(heldBy(admission)).toEqual(first)
      expect(await usedBy(first)).toEqual({ requests: 1, tokens: 10, in_flight: 1 })
    })

    it('keeps users, windows and shards apart', async () => {
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

    it.each(['a.b@c-d_e', '.', '1', '-._@', 'x'.repeat(128)])('keeps the entries of the user %s', async user_id => {
      const reservation = aReservation({ user_id })

      await reserve(reservation)
      const { open } = await countersOf(reservation)
      await quota.close([{ reservation, charge: 3 }])

      expect(open).toEqual([{ reservation, at: NOW }])
      expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 3, in_flight: 0 })
    })

    it('counts no request for a redrive, and does not refuse it for requests that are used up', async () => {
      const limits = { ...PLENTY, requests: 1 }
      const held = aReservation({ user_id: newUser() })
      await reserve(held, limits)

      const redrive = aReservation({ user_id: held.user_id, holds_request: false, run: 2 })
      const admission = await reserve(redrive, limits)

      expect(admission).toMatchObject({ admitted: true, used: { requests: 1, tokens: 20 } })
    })

    it('admits a redrive though an operator has lowered the requests below what is used', async () => {
      const { user_id } = aReservation({ user_id: newUser() })
      await reserveMany(3, { user_id })

      const admission = await reserve(aReservation({ user_id, holds_request: false }), { ...PLENTY, requests: 1 })

      expect(admission.admitted).toBe(true)
    })

    it('admits a redrive into an empty window', async () => {
      const redrive = aReservation({ user_id: newUser(), holds_request: false })

      const admission = await reserve(redrive)

      expect(admission).toEqual({ admitted: true, reservation: redrive, used: { requests: 0, tokens: 10 } })
    })
  })

  describe(`quota on ${name}: close`, () => {
    it.each([0, 3, 10, 500])('settles an estimate of 10 at %i tokens', async charge => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation)

      await quota.close([{ reservation, charge }])

      expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: charge, in_flight: 0 })
    })

    it('releases a reservation as if it had never been', async () => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation)

      await quota.close([{ reservation }])

      expect(await usedBy(reservation)).toEqual({ requests: 0, tokens: 0, in_flight: 0 })
    })

    it('releases a redrive without giving back a request that it never held', async () => {
      const user_id = newUser()
      const redrive = aReservation({ user_id, holds_request: false })
      await reserve(aReservation({ user_id }))
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

    it('settles once, however many try at once', async () => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation)

      await Promise.all(Array.from({ length: 20 }, () => quota.close([{ reservation, charge: 7 }])))

      expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 7, in_flight: 0 })
    })

    it.each([{ charge: 3 }, {}])('leaves a reservation alone that has another nonce (%j)', async closing => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation)

      await quota.close([{ reservation: { ...reservation, nonce: 'nonce-2' }, ...closing }])

      expect(await usedBy(reservation)).toEqual({ requests: 1, tokens: 10, in_flight: 1 })
    })

    it('leaves another run of the same request alone', async () => {
      const first = aReservation({ user_id: newUser() })
      const second = { ...first, run: 2, nonce: 'nonce-2', holds_request: false }
      await reserve(first)
      await reserve(second)

      await quota.close([{ reservation: first, charge: 3 }])

      expect(await countersOf(first)).toEqual({ requests: 1, tokens: 13, open: [{ reservation: second, at: NOW }] })
    })

    it.each([{ charge: 3 }, {}])('does nothing for a user of whom nothing was ever reserved (%j)', async closing => {
      const reservation = aReservation({ user_id: newUser() })

      await quota.close([{ reservation, ...closing }])

      expect(await usedBy(reservation)).toEqual({ requests: 0, tokens: 0, in_flight: 0 })
    })

    it('does nothing for nothing', async () => {
      await expect(quota.close([])).resolves.toBeUndefined()
    })

    it('closes a batch over users, windows and shards, settled and released together', async () => {
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

    it('closes a batch of 50 reservations of one user', async () => {
      const user_id = newUser()
      const admissions = await reserveMany(50, { user_id })

      await quota.close(admissions.map(admission => ({ reservation: heldBy(admission), charge: 2 })))

      expect(await usedBy(aReservation({ user_id }))).toEqual({ requests: 50, tokens: 100, in_flight: 0 })
    })

    it('closes the others of a batch with one that is closed already', async () => {
      const user_id = newUser()
      const [closed, ...open] = (await reserveMany(5, { user_id })).map(heldBy)
      if (closed) await quota.close([{ reservation: closed, charge: 1 }])

      await quota.close([closed, ...open].flatMap(r => (r ? [{ reservation: r, charge: 2 }] : [])))

      expect(await usedBy(aReservation({ user_id }))).toEqual({ requests: 5, tokens: 9, in_flight: 0 })
    })

    it('charges a reservation once that is twice in a batch', async () => {
      const user_id = newUser()
      const reservation = aReservation({ user_id })
      await reserve(reservation)
      await reserve(aReservation({ user_id }))

      await quota.close([
        { reservation, charge: 4 },
        { reservation, charge: 4 },
      ])

      expect(await usedBy(reservation)).toEqual({ requests: 2, tokens: 14, in_flight: 1 })
    })

    it('gives the room of what it closes to the next', async () => {
      const limits = { requests: 2, tokens: 12, in_flight: 1 }
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation, limits)

      await quota.close([{ reservation, charge: 2 }])

      expect((await reserve(aReservation({ user_id: reservation.user_id }), limits)).admitted).toBe(true)
    })

    it('refuses the next after a charge that went over the limit', async () => {
      const reservation = aReservation({ user_id: newUser() })
      await reserve(reservation, { ...PLENTY, tokens: 10 })
      await quota.close([{ reservation, charge: 900 }])

      const admission = await reserve(aReservation({ user_id: reservation.user_id }), { ...PLENTY, tokens: 10 })

      const counters: Counters = { requests: 1, tokens: 900, open: [] }
      expect(admission).toEqual({ admitted: false, counters })
    })
  })

  describe(`quota on ${name}: read`, () => {
    it('gives zeros for a window in which nothing was admitted', async () => {
      expect(await quota.read(newUser(), '2026-11-23', 0)).toEqual({ requests: 0, tokens: 0, open: [] })
    })

    it('gives each open reservation as it was made, whatever its run', async () => {
      const user_id = newUser()
      const reservations = [
        aReservation({ user_id, request_id: newRequestId(), run: 17, nonce: 'a:b', estimate: 0 }),
        aReservation({ user_id, holds_request: false, estimate: 7 }),
      ]
      for (const reservation of reservations) await reserve(reservation)

      const { open } = await quota.read(user_id, '2026-11-23', 0)

      expect(open).toHaveLength(2)
      for (const reservation of reservations) expect(open).toContainEqual({ reservation, at: NOW })
    })
  })
}

function heldBy(admission: Admission): Reservation {
  if (!admission.admitted) throw new Error('refused')
  return admission.reservation
}
