import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFlowControl } from '../../../../../functions/core/flow-control/flow-control.ts'
import type { RateLimit } from '../../../../../functions/core/flow-control/policies.ts'
import type { Ask, FlowControl } from '../../../../../functions/core/flow-control/port.ts'
import { toleranceOf } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { NOW } from '../../../../support/clock.ts'
import { memoryModelStates } from '../../../../support/memory/model-states.ts'
import { countedIds } from '../../../../support/ports.ts'

const anAsk = fc.record({
  process: fc.nat(5),
  /** How late after its slot the call is made, as a part of the tolerance. */
  late: fc.constantFrom(0, 0.5, 1),
  /** The milliseconds that the call needed to get ready, e.g. to claim its requests, as its process reports them. */
  took: fc.constantFrom(undefined, undefined, 100, 2_000),
  backlog: fc.constantFrom<Ask['backlog'][]>(undefined, 'joins', 'has waited', 'has left'),
  /** Whether a call that must wait for its slot asks again in time or too late for the slot. */
  comesBack: fc.constantFrom('in time', 'late'),
})

/** Calls that several processes ask for at the same time, some time after the last such moment. */
const aMoment = fc.record({
  /** The time since the last moment, in thousandths of the interval of the rate limit. */
  after: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 1_300 })),
  asks: fc.oneof(
    fc.array(anAsk, { minLength: 1, maxLength: 8 }),
    // Enough calls to use up the larger limits.
    fc.array(anAsk, { minLength: 20, maxLength: 40 }),
  ),
})
type Moment = typeof aMoment extends fc.Arbitrary<infer T> ? T : never

/** Lets a fleet of processes ask for permits of calls. Returns the times at which the endpoint receives calls, in epoch milliseconds. */
async function callsOf(limit: RateLimit, moments: readonly Moment[], behind: readonly number[]): Promise<number[]> {
  let now = NOW
  const store = memoryModelStates()
  const system = { ids: countedIds(), sleep: async () => undefined, random: () => 0.5 }
  const fleet = behind.map(ms =>
    createFlowControl({ ...system, store, clock: () => now - ms }, 'text', { rate_limit: limit }),
  )
  /** Asks for a permit, and returns the time of its slot, or undefined if the call is deferred without a slot. */
  const permit = async (
    flowControl: FlowControl,
    ask: Pick<Ask, 'slot' | 'took' | 'backlog'>,
  ): Promise<number | undefined> => {
    const permit = await flowControl.permit({ ...ask, until: now + 60_000 })
    return permit.granted ? permit.at : undefined
  }
  const calls: number[] = []
  for (const { after, asks } of moments) {
    now += Math.round((after * limit.interval_ms) / 1_000)
    const slots = await Promise.all(
      asks.map(async ({ process, comesBack, took, backlog }) => {
        const flowControl = fleet[process]
        if (!flowControl) throw new Error('there are six')
        const slot = await permit(flowControl, { took, backlog })
        // A call asks again if it waits for its slot or has missed it.
        return permit(flowControl, { backlog, slot: comesBack === 'in time' ? slot : now - limit.interval_ms })
      }),
    )
    for (const [i, { late }] of asks.entries()) {
      const at = slots[i]
      if (at !== undefined) calls.push(at + Math.floor(late * toleranceOf(limit)))
    }
  }
  return calls.toSorted((a, b) => a - b)
}

describe('flow control: a fleet of workers with a rate limit', () => {
  it('never makes more calls in any interval than the limit allows, whichever worker asks, with clocks that differ by up to 100 ms', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          // With a limit of up to 24 calls, the model’s item has the time of each call. With more calls, it counts calls per bucket.
          count: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 11, max: 60 })),
          interval_ms: fc.constantFrom(1_000, 2_000, 9_999, 60_000),
        }),
        fc.array(aMoment, { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 6, maxLength: 6 }),
        async (limit, moments, behind) => {
          const calls = await callsOf(limit, moments, behind)

          for (const from of calls) {
            const within = calls.filter(at => at >= from && at < from + limit.interval_ms)
            expect(within.length).toBeLessThanOrEqual(limit.count)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})
