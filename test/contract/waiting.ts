import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Wait, WaitLease, WaitLeases, WaitLimits } from '../../functions/core/stores/waits/port.ts'
import { NOW } from '../support/clock.ts'
import { newRequestId, newUser } from '../support/requests.ts'

export interface WaitingEngine {
  /** Makes an empty store of wait leases. */
  fresh(): Promise<WaitLeases>
  close(): Promise<void>
}

const UNTIL = NOW + 30_000
const LIMITS: WaitLimits = { per_user: 10, total: 50 }

let nonces = 0
const aWait = (fields: Partial<Wait> = {}): Wait => ({
  user_id: 'u42',
  request_id: newRequestId(),
  nonce: `nonce-${nonces++}`,
  until: UNTIL,
  beside_others: false,
  ...fields,
})

const granted = (lease: WaitLease | undefined): WaitLease => {
  if (!lease) throw new Error('no lease')
  return lease
}

/** Checks a store of wait leases. A wait lease is one of a limited number of places for calls that wait for the end of a request. */
export function describeWaitingContract(name: string, makeEngine: () => Promise<WaitingEngine>): void {
  let engine: WaitingEngine
  let leases: WaitLeases
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine.close())
  beforeEach(async () => {
    leases = await engine.fresh()
  })

  const acquire = (fields: Partial<Wait> = {}, limits = LIMITS, now = NOW) => leases.acquire(aWait(fields), limits, now)
  const acquireMany = async (waits: readonly Partial<Wait>[], limits = LIMITS, now = NOW) => {
    const answers = await Promise.all(waits.map(wait => acquire(wait, limits, now)))
    return answers.filter(lease => lease !== undefined)
  }
  const times = (count: number, fields: Partial<Wait> = {}) => Array.from({ length: count }, () => fields)
  /** Waits of `count` different users. */
  const ofUsers = (count: number) => Array.from({ length: count }, () => ({ user_id: newUser() }))

  describe(`wait leases on ${name}`, () => {
    it('if 50 calls of a user ask in parallel, only as many get a lease as the limit per user allows', async () => {
      expect(await acquireMany(times(50))).toHaveLength(10)
      expect(await acquire()).toBeUndefined()
    })

    it('the wait leases of one user do not count against the limit of another user', async () => {
      await acquireMany(times(20))

      expect(await acquireMany(times(20, { user_id: 'another' }))).toHaveLength(10)
    })

    it.each([1, 16, 17, 50])(
      'if 60 users ask in parallel, %i get a wait lease, as the limit for all users together says',
      async total => {
        expect(await acquireMany(ofUsers(60), { per_user: 10, total })).toHaveLength(total)
      },
    )

    it('a call that is refused because of the limit for all users together does not count against the limit of its user', async () => {
      const first = granted(await acquire({ user_id: 'first' }, { per_user: 1, total: 1 }))
      expect(await acquire({}, { per_user: 1, total: 1 })).toBeUndefined()

      await leases.release(first)

      expect(await acquire({}, { per_user: 1, total: 1 })).toBeDefined()
    })

    it.each<WaitLimits>([
      { per_user: 0, total: 50 },
      { per_user: 10, total: 0 },
    ])('a wait lease is refused if one of the limits is zero (%j)', async limits => {
      expect(await acquire({}, limits)).toBeUndefined()
    })

    it('released wait leases can be acquired again', async () => {
      const taken = await acquireMany(times(10))
      for (const lease of taken.slice(0, 3)) await leases.release(lease)

      expect(await acquireMany(times(20))).toHaveLength(3)
    })

    it('a wait lease that is released twice makes room for only one new lease', async () => {
      const [first] = await acquireMany(times(10))
      await leases.release(granted(first))
      await leases.release(granted(first))

      expect(await acquireMany(times(5))).toHaveLength(1)
    })

    it('wait leases that crashed calls did not release end at their end time, and then as many new leases can be acquired', async () => {
      await acquireMany(ofUsers(40))
      await acquireMany(times(10))

      expect(await acquire({}, LIMITS, UNTIL - 1)).toBeUndefined()
      const later = { until: UNTIL + 30_000 }
      expect(await acquireMany(times(50, later), LIMITS, UNTIL)).toHaveLength(10)
      expect(await acquireMany(times(1, { ...later, user_id: 'another' }), LIMITS, UNTIL)).toHaveLength(1)
    })

    it('the late release of a lease that has ended does not release a newer lease of the same request', async () => {
      const requestId = newRequestId()
      const died = granted(await acquire({ request_id: requestId }))
      await acquire({ request_id: requestId, until: UNTIL + 30_000 }, LIMITS, UNTIL)

      await leases.release(died)

      expect(await acquire({ request_id: requestId, until: UNTIL + 30_000 }, LIMITS, UNTIL)).toBeUndefined()
    })

    it('of 40 parallel calls that may not wait for a request beside others (repeated POSTs), only one gets a wait lease', async () => {
      const requestId = newRequestId()

      const [only, ...others] = await acquireMany(times(40, { request_id: requestId }))

      expect(others).toEqual([])
      await leases.release(granted(only))
      expect(await acquire({ request_id: requestId })).toBeDefined()
    })

    it('several calls that may wait for a request beside others (GETs) each get a wait lease, and each lease counts', async () => {
      const requestId = newRequestId()
      const taken = await acquireMany(times(20, { request_id: requestId, beside_others: true }))

      expect(taken).toHaveLength(10)
      expect(new Set(taken.map(({ entry }) => entry)).size).toBe(10)
      for (const lease of taken) await leases.release(lease)
      expect(await acquireMany(times(20))).toHaveLength(10)
    })

    it('a call that may not wait beside others gets no wait lease if another call waits for the request', async () => {
      const requestId = newRequestId()
      await acquire({ request_id: requestId, beside_others: true })

      expect(await acquire({ request_id: requestId })).toBeUndefined()
    })

    it('a wait lease is acquired only once if the write is repeated because its answer was lost', async () => {
      const wait = aWait()
      const limits = { per_user: 10, total: 1 }
      await leases.acquire(wait, limits, NOW)

      const found = await leases.acquire(wait, limits, NOW)

      expect(found).toMatchObject({ entry: wait.request_id })
      expect(await acquire({}, limits)).toBeUndefined()
    })
  })
}
