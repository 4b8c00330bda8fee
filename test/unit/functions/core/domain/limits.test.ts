import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limitsOf, shardLimits, shardOrder } from '../../../../../functions/core/domain/limits.ts'
import { DEFAULT_RATE } from '../../../../../functions/core/domain/rate.ts'
import { newRequestId } from '../../../../support/requests.ts'

const aLimit = () => fc.integer({ min: 1, max: 10 ** 9 })
const someLimits = () => fc.record({ requests: aLimit(), tokens: aLimit(), in_flight: aLimit() })

describe('limitsOf', () => {
  it('takes each limit from the user if an operator has set it there, and otherwise from the plan', () => {
    const plan = {
      requests: 100,
      tokens: 1_000,
      in_flight: 5,
      priorities: ['normal' as const],
      shards: 1,
      rate: DEFAULT_RATE,
    }

    expect(limitsOf(plan, { tokens: 7 })).toEqual({ requests: 100, tokens: 7, in_flight: 5 })
  })
})

describe('shardLimits', () => {
  it('splits a limit over the shards (parts of a user’s counters), into parts that add up to the limit and differ by at most one', () => {
    fc.assert(
      fc.property(someLimits(), fc.integer({ min: 1, max: 50 }), (limits, shards) => {
        const parts = Array.from({ length: shards }, (_, shard) => shardLimits(limits, shard, shards))

        for (const name of ['requests', 'tokens', 'in_flight'] as const) {
          const values = parts.map(part => part[name])
          expect(values.reduce((sum, value) => sum + value, 0)).toBe(limits[name])
          expect(Math.max(...values) - Math.min(...values)).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  it('gives the whole limit to the only shard', () => {
    const limits = { requests: 3, tokens: 10, in_flight: 2 }

    expect(shardLimits(limits, 0, 1)).toEqual(limits)
  })
})

describe('shardOrder', () => {
  it('names as many different shards for a request as may be tried, and the same shards each time', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 5 }), (id, shards, tries) => {
        const order = shardOrder(id, shards, tries)

        expect(new Set(order).size).toBe(Math.min(shards, tries))
        expect(order.every(shard => shard >= 0 && shard < shards)).toBe(true)
        expect(shardOrder(id, shards, tries)).toEqual(order)
      }),
    )
  })

  it('spreads requests evenly over the shards', () => {
    const counts = new Array<number>(4).fill(0)
    for (let i = 0; i < 4_000; i++)
      for (const shard of shardOrder(newRequestId(), 4, 1)) counts[shard] = (counts[shard] ?? 0) + 1

    for (const count of counts) expect(count).toBeGreaterThan(800)
  })
})
