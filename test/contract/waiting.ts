import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Wait, WaitLease, WaitLeases, WaitLimits } from '../../functions/core/stores/waits/port.ts'
import { NOW } from '../support/clock.ts'
import { newRequestId, newUser } from '../support/requests.ts'

export interface WaitingEngine {
  /** Leases of which none is taken. */
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

/** What every store of the leases of waits keeps. */
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
  /** Each of a user of his own. */
  const ofUsers = (count: number) => Array.from({ length: count }, () => ({ user_id: newUser() }))

  describe(`leases of waits on ${name}`, () => {
    it('are as many as a user may have, of 50 calls at once', async () => {
      expect(await acquireMany(times(50))).toHaveLength(10)
      expect(await acquire()).toBeUndefined()
    })

    it('of one user leave those of another', async () => {
      await acquireMany(times(20))

      expect(await acquireMany(times(20, { user_id: 'another' }))).toHaveLength(10)
    })

    it.each([1, 16, 17, 50])('are %i in all where there may be so many, of 60 users at once', async total => {
      expect(await acquireMany(ofUsers(60), { per_user: 10, total })).toHaveLength(total)
    })

    it('of a user who gets none of the total are not counted against him', async () => {
      const first = granted(await acquire({ user_id: 'first' }, { per_user: 1, total: 1 }))
      expect(await acquire({}, { per_user: 1, total: 1 })).toBeUndefined()

      await leases.release(first)

      expect(await acquire({}, { per_user: 1, total: 1 })).toBeDefined()
    })

    it.each<WaitLimits>([
      { per_user: 0, total: 50 },
      { per_user: 10, total: 0 },
    ])('are none where waiting is off (%j)', async limits => {
      expect(await acquire({}, limits)).toBeUndefined()
    })

    it('are free again once they are given back', async () => {
      const taken = await acquireMany(times(10))
      for (const lease of taken.slice(0, 3)) await leases.release(lease)

      expect(await acquireMany(times(20))).toHaveLength(3)
    })

    it('are given back once, however often that is said', async () => {
      const [first] = await acquireMany(times(10))
      await leases.release(granted(first))
      await leases.release(granted(first))

      expect(await acquireMany(times(5))).toHaveLength(1)
    })

    it('of a call that has died end by themselves, and are reused by as many as there is room for', async () => {
      await acquireMany(ofUsers(40))
      await acquireMany(times(10))

      expect(await acquire({}, LIMITS, UNTIL - 1)).toBeUndefined()
      const later = { until: UNTIL + 30_000 }
      expect(await acquireMany(times(50, later), LIMITS, UNTIL)).toHaveLength(10)
      expect(await acquireMany(times(1, { ...later, user_id: 'another' }), LIMITS, UNTIL)).toHaveLength(1)
    })

    it('that have ended are not given back in place of the ones that came after them', async () => {
      const request_id = newRequestId()
      const died = granted(await acquire({ request_id }))
      await acquire({ request_id, until: UNTIL + 30_000 }, LIMITS, UNTIL)

      await leases.release(died)

      expect(await acquire({ request_id, until: UNTIL + 30_000 }, LIMITS, UNTIL)).toBeUndefined()
    })

    it('are one a request of 40 calls at once that must be the only one', async () => {
      const request_id = newRequestId()

      const [only, ...others] = await acquireMany(times(40, { request_id }))

      expect(others).toEqual([])
      await leases.release(granted(only))
      expect(await acquire({ request_id })).toBeDefined()
    })

    it('may be several a request where that is asked for, each counted', async () => {
      const request_id = newRequestId()
      const taken = await acquireMany(times(20, { request_id, beside_others: true }))

      expect(taken).toHaveLength(10)
      expect(new Set(taken.map(({ entry }) => entry)).size).toBe(10)
      for (const lease of taken) await leases.release(lease)
      expect(await acquireMany(times(20))).toHaveLength(10)
    })

    it('of a call that waits beside others are in the way of one that must be the only one', async () => {
      const request_id = newRequestId()
      await acquire({ request_id, beside_others: true })

      expect(await acquire({ request_id })).toBeUndefined()
    })

    it('are taken once by a call that is repeated since its answer was lost', async () => {
      const wait = aWait()
      const limits = { per_user: 10, total: 1 }
      await leases.acquire(wait, limits, NOW)

      const found = await leases.acquire(wait, limits, NOW)

      expect(found).toMatchObject({ entry: wait.request_id })
      expect(await acquire({}, limits)).toBeUndefined()
    })
  })
}
