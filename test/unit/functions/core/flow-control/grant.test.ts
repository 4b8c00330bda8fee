import { describe, expect, it } from 'vitest'
import { grant } from '../../../../../functions/core/flow-control/grant.ts'
import type { Policies } from '../../../../../functions/core/flow-control/policies.ts'
import type { Ask } from '../../../../../functions/core/flow-control/port.ts'
import { MAX_SLOT_WAIT_MS, MIN_LEAD_TIME_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { type ModelState, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'
import { bucketWidthOf, roundOf } from '../../../../support/limiter.ts'

const LIMIT = { count: 2, interval_ms: 2_000 }
const POLICIES: Policies = {
  rate_limit: LIMIT,
  circuit: { failures: 3, within_ms: 60_000, open_ms: 30_000 },
}
const FIRST = NOW + MIN_LEAD_TIME_MS
const SECOND = FIRST + roundOf(LIMIT)
const THIRD = SECOND + roundOf(LIMIT)
const CIRCUIT_ONLY: Policies = { circuit: POLICIES.circuit }
const ask: Ask = { until: NOW + 90_000 }
const asks = (n: number): Ask[] => Array.from({ length: n }, () => ask)

const grantAll = (state: ModelState, of: readonly Ask[], policies = POLICIES, now = NOW) =>
  grant(state, of, { now, lead_time: MIN_LEAD_TIME_MS, id: 'p1' }, policies)

const open: ModelState = { ...UNTOUCHED, open: { until: NOW + 5_000, times: 1 } }
const halfOpen: ModelState = { ...UNTOUCHED, open: { until: NOW, times: 1 } }
const probed: ModelState = { ...halfOpen, probe: { id: 'p0', since: NOW - 4_000, until: NOW + 60_000 } }

describe('grant: decides on the calls to a model that ask for a permit to be made, and gives the new state of the model', () => {
  it('grants all calls and changes nothing if the model has neither a rate limit nor a circuit', () => {
    const { state, permits } = grantAll(UNTOUCHED, asks(3), {})

    expect(state).toBe(UNTOUCHED)
    expect(permits).toEqual(asks(3).map(() => ({ granted: true, at: NOW })))
  })

  it('grants all calls and changes nothing while the circuit is closed, even if some calls have failed', () => {
    const shaky = { ...UNTOUCHED, failures: [NOW - 1] }

    expect(grantAll(shaky, asks(2), CIRCUIT_ONLY)).toEqual({
      state: shaky,
      permits: asks(2).map(() => ({ granted: true, at: NOW })),
    })
  })

  it('books a slot (a time at which the rate limit allows a call) for each call, in their order', () => {
    const { state, permits } = grantAll(UNTOUCHED, asks(5))

    expect(permits.map(permit => permit.granted && permit.at)).toEqual([FIRST, FIRST, SECOND, SECOND, THIRD])
    // The state keeps only the last slots. The calls in earlier slots do not restrict further calls.
    expect(state.calls).toEqual([{ from: THIRD, count: 1 }])
    expect(grantAll(UNTOUCHED, asks(4)).state.calls).toEqual([{ from: SECOND, count: 2 }])
  })

  it('counts the slots of a limit above 24 calls per bucket, i.e. per twentieth of the interval', () => {
    const limit = { count: 25, interval_ms: 2_000 }
    const many: Policies = { rate_limit: limit }
    expect(bucketWidthOf(limit)).toBe(100)
    const second = NOW + roundOf(limit)

    const first = grantAll(UNTOUCHED, asks(25), many)
    const next = grantAll(first.state, asks(2), many)

    expect(first.state.calls).toEqual([{ from: NOW, count: 25 }])
    expect(first.permits).toEqual(asks(25).map(() => ({ granted: true, at: FIRST })))
    expect(next.state.calls).toEqual([{ from: second, count: 2 }])
    expect(next.permits).toEqual(asks(2).map(() => ({ granted: true, at: second })))
  })

  it('a call may use the slot that it has booked earlier, until the tolerance after the slot is over', () => {
    const { state } = grantAll(UNTOUCHED, asks(3))
    const back = { ...ask, slot: SECOND }

    const early = grantAll(state, [back], POLICIES, NOW + 2_000)
    const inTime = grantAll(state, [back], POLICIES, SECOND + 80)
    const late = grantAll(state, [back], POLICIES, SECOND + 81)

    for (const used of [early, inTime]) {
      expect(used.state).toBe(state)
      expect(used.permits).toEqual([{ granted: true, at: SECOND }])
    }
    const another = SECOND + 81 + MIN_LEAD_TIME_MS
    expect(late.permits).toEqual([{ granted: true, at: another }])
    expect(late.state.calls).toEqual([
      { from: SECOND, count: 1 },
      { from: another, count: 1 },
    ])
  })

  it('ignores the booked slot of a call if the model has no rate limit any more', () => {
    expect(grantAll(UNTOUCHED, [{ ...ask, slot: NOW + 60_000 }], {}).permits).toEqual([{ granted: true, at: NOW }])
  })

  it('books no slot later than the longest delay of a message in the queue (900 s)', () => {
    const limit = { count: 1, interval_ms: 600_000 }
    const slow: Policies = { rate_limit: limit }
    const second = FIRST + roundOf(limit)

    const { state, permits } = grantAll(UNTOUCHED, asks(4), slow)

    expect(permits).toMatchObject([
      { granted: true, at: FIRST },
      { granted: true, at: second },
      { granted: false, until: NOW + 900_000, because: 'rate limited' },
      { granted: false, until: NOW + 900_000, because: 'rate limited' },
    ])
    expect(state.calls).toEqual([{ from: second, count: 1 }])
  })

  it('defers calls during a pause that the model has asked for, and books no slot', () => {
    const paused = { ...UNTOUCHED, paused_until: NOW + 3_000 }

    for (const policies of [{}, POLICIES]) {
      const { state, permits } = grantAll(paused, [ask], policies)
      expect(state).toBe(paused)
      expect(permits).toEqual([{ granted: false, until: NOW + 3_000, because: 'paused' }])
    }
    expect(grantAll(paused, [ask], {}, NOW + 3_000).permits).toEqual([{ granted: true, at: NOW + 3_000 }])
  })

  it('defers calls while the circuit is open, and books no slot', () => {
    const { state, permits } = grantAll(open, asks(2))

    expect(state).toBe(open)
    expect(permits).toEqual(asks(2).map(() => ({ granted: false, until: NOW + 5_000, because: 'open' })))
  })

  it('grants calls if the model has no circuit any more, although the stored circuit is open or half open', () => {
    expect(grantAll(open, [ask], {})).toEqual({ state: open, permits: [{ granted: true, at: NOW }] })
    expect(grantAll(probed, [ask], {}).permits).toEqual([{ granted: true, at: NOW }])
  })

  it('grants one of several calls as the probe (the test call) if the circuit is half open, and defers the others', () => {
    const { state, permits } = grantAll(halfOpen, asks(3), CIRCUIT_ONLY)

    expect(permits).toEqual([
      { granted: true, at: NOW, probe: 'p1' },
      { granted: false, until: NOW + 1_000, because: 'open' },
      { granted: false, until: NOW + 1_000, because: 'open' },
    ])
    expect(state.probe).toEqual({ id: 'p1', since: NOW, until: ask.until })
  })

  it('allows another probe only when the worker of the first probe has certainly ended', () => {
    expect(grantAll(probed, [ask]).permits).toEqual([{ granted: false, until: NOW + 4_000, because: 'open' }])
    expect(grantAll(probed, [ask], POLICIES, NOW + 59_999).permits).toMatchObject([{ granted: false }])
    expect(grantAll(probed, [ask], POLICIES, NOW + 60_000).permits).toMatchObject([{ granted: true, probe: 'p1' }])
  })

  it('does not choose a call as the probe (the test call) if the call’s message must wait in the queue for a slot', () => {
    const busy = { ...halfOpen, calls: grantAll(UNTOUCHED, asks(2)).state.calls }

    const { state, permits } = grantAll(busy, [ask])

    expect(permits).toEqual([{ granted: true, at: SECOND }])
    expect(state.probe).toBeUndefined()
    const soon = SECOND - MAX_SLOT_WAIT_MS
    expect(grantAll(state, [{ ...ask, slot: SECOND }], POLICIES, soon).permits).toEqual([
      { granted: true, at: SECOND, probe: 'p1' },
    ])
  })
})
