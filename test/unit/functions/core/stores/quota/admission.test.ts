import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Reservation } from '../../../../../../functions/core/domain/item.ts'
import { dynamoQuota } from '../../../../../../functions/core/stores/quota/dynamodb.ts'
import type { Closing, Quota } from '../../../../../../functions/core/stores/quota/port.ts'
import { NOW } from '../../../../../support/clock.ts'
import { createQuotaTable, type DynamoDb, startLocalTables } from '../../../../../support/dynamodb.ts'
import { aReservation, newUser } from '../../../../../support/requests.ts'

const LIMITS = { requests: 4, tokens: 60, in_flight: 3 }

/** The values of a reservation, and the charge with which it is closed. A redrive’s reservation may hold no request. */
const aPlan = () =>
  fc.record({
    estimate: fc.integer({ min: 0, max: 40 }),
    charge: fc.option(fc.integer({ min: 0, max: 80 }), { nil: undefined }),
    holds_request: fc.boolean(),
  })
/** One step of the test: `act` is done with the reservation number `of`. */
const aStep = () =>
  fc.record({
    act: fc.constantFrom('reserve' as const, 'reserve' as const, 'close' as const, 'close with another nonce' as const),
    of: fc.nat({ max: 5 }),
  })

let dynamoDb: DynamoDb
let quota: Quota
beforeAll(async () => {
  dynamoDb = await startLocalTables()
  quota = dynamoQuota(dynamoDb.client, await createQuotaTable(dynamoDb.client))
})
afterAll(() => dynamoDb.close())

/** The expected contents of a user’s quota item. */
class Book {
  readonly admitted = new Set<Closing>()
  readonly closed = new Set<Closing>()

  /** Each run counts once: with its reserved tokens while its reservation is open, and then with its charge. */
  expected() {
    const open = [...this.admitted].filter(one => !this.closed.has(one))
    const settled = [...this.closed].filter(({ charge }) => charge !== undefined)
    return {
      requests: [...open, ...settled].filter(({ reservation }) => reservation.holds_request).length,
      tokens: sum(open.map(({ reservation }) => reservation.estimate)) + sum(settled.map(({ charge = 0 }) => charge)),
      open: open.length,
    }
  }
}

const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0)

function toClosings(plans: { estimate: number; charge: number | undefined; holds_request: boolean }[]): Closing[] {
  const userId = newUser()
  return plans.map(({ charge, ...fields }, i) => ({
    reservation: aReservation({ ...fields, user_id: userId, nonce: `nonce-${i}`, run: 1 + (i % 2) }),
    charge,
  }))
}

async function counters({ user_id, window, shard }: Reservation) {
  const { requests, tokens, open } = await quota.read(user_id, window, shard)
  return { requests, tokens, open: open.length }
}

describe('dynamoQuota: admission in any order', { timeout: 30_000 }, () => {
  it('never admits over a limit, and charges each run once, in any order and with any repetitions (I1, I3)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aPlan(), { minLength: 6, maxLength: 6 }),
        fc.array(aStep(), { minLength: 5, maxLength: 30 }),
        async (plans, steps) => {
          const closings = toClosings(plans)
          const book = new Book()

          for (const { act, of } of steps) {
            const closing = closings[of] as Closing
            const { reservation } = closing
            if (act === 'reserve') {
              // No function reserves for a run that has ended, since the request item shows the end. So the test skips this step.
              if (book.closed.has(closing)) continue
              const before = book.expected()
              const { admitted } = await quota.reserve(reservation, LIMITS, NOW)
              expect(admitted).toBe(book.admitted.has(closing) || fits(before, reservation))
              if (admitted) book.admitted.add(closing)
            } else if (act === 'close') {
              await quota.close([closing])
              if (book.admitted.has(closing)) book.closed.add(closing)
            } else await quota.close([{ ...closing, reservation: { ...reservation, nonce: 'stale' } }])

            expect(await counters(reservation)).toEqual(book.expected())
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  it('keeps the limits and the charges if many calls reserve at the same time, and many calls then close the reservations (I1, I3)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aPlan(), { minLength: 4, maxLength: 10 }), fc.nat({ max: 2 }), async (plans, again) => {
        const closings = toClosings(plans)
        const [{ reservation }] = closings as [Closing]
        const book = new Book()
        const repeated = <T>(list: readonly T[]) => Array.from({ length: again + 1 }, () => list).flat()

        const admissions = await Promise.all(
          repeated(closings).map(async closing => ({
            closing,
            ...(await quota.reserve(closing.reservation, LIMITS, NOW)),
          })),
        )
        for (const { admitted, closing } of admissions) if (admitted) book.admitted.add(closing)
        const reserved = await counters(reservation)
        expect(reserved).toEqual(book.expected())
        expect(reserved.requests).toBeLessThanOrEqual(LIMITS.requests)
        expect(reserved.tokens).toBeLessThanOrEqual(LIMITS.tokens)
        expect(reserved.open).toBeLessThanOrEqual(LIMITS.in_flight)

        const held = admissions.flatMap(({ closing, ...admission }) =>
          admission.admitted ? [{ ...closing, reservation: admission.reservation }] : [],
        )
        await Promise.all(repeated(held).map(closing => quota.close([closing])))
        for (const closing of book.admitted) book.closed.add(closing)
        expect(await counters(reservation)).toEqual(book.expected())
      }),
      { numRuns: 12 },
    )
  })
})

function fits(used: { requests: number; tokens: number; open: number }, { estimate, holds_request }: Reservation) {
  const fitsRequests = !holds_request || used.requests < LIMITS.requests
  return fitsRequests && used.tokens + estimate <= LIMITS.tokens && used.open < LIMITS.in_flight
}
