import { describe, expect, it } from 'vitest'
import { grant } from '../../../../../functions/core/flow-control/grant.ts'
import type { Policies } from '../../../../../functions/core/flow-control/policies.ts'
import type { Ask } from '../../../../../functions/core/flow-control/port.ts'
import { LEAD_MS, SOON_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { type GuardState, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'

const POLICIES: Policies = {
  rate_limit: { count: 2, interval_ms: 2_000 },
  circuit: { failures: 3, within_ms: 60_000, open_ms: 30_000 },
}
/** Full rounds of calls follow each other so: by the interval of 2 s, a tenth of it as slack, and the width of a bucket. */
const APART = 2_000 + 200 + 1
const FIRST = NOW + LEAD_MS
const SECOND = FIRST + APART
const THIRD = SECOND + APART
const CIRCUIT_ONLY: Policies = { circuit: POLICIES.circuit }
const ask: Ask = { until: NOW + 90_000 }
const asks = (n: number): Ask[] => Array.from({ length: n }, () => ask)

const grantAll = (state: GuardState, of: readonly Ask[], policies = POLICIES, now = NOW) =>
  grant(state, of, { now, lead: LEAD_MS, id: 'p1' }, policies)

const open: GuardState = { ...UNTOUCHED, open: { until: NOW + 5_000, times: 1 } }
const halfOpen: GuardState = { ...UNTOUCHED, open: { until: NOW, times: 1 } }
const probed: GuardState = { ...halfOpen, probe: { id: 'p0', since: NOW - 4_000, until: NOW + 60_000 } }

describe('granting calls', () => {
  it('changes nothing where nothing holds them up', () => {
    const { state, permits } = grantAll(UNTOUCHED, asks(3), {})

    expect(state).toBe(UNTOUCHED)
    expect(permits).toEqual(asks(3).map(() => ({ granted: true, at: NOW })))
  })

  it('through a closed circuit changes nothing, though calls have failed', () => {
    const shaky = { ...UNTOUCHED, failures: [NOW - 1] }

    expect(grantAll(shaky, asks(2), CIRCUIT_ONLY)).toEqual({
      state: shaky,
      permits: asks(2).map(() => ({ granted: true, at: NOW })),
    })
  })

  it('books a turn for each of them, in their order', () => {
    const { state, permits } = grantAll(UNTOUCHED, asks(5))

    expect(permits.map(permit => permit.granted && permit.at)).toEqual([FIRST, FIRST, SECOND, SECOND, THIRD])
    // Those before it count for nothing any more.
    expect(state.calls).toEqual([{ from: THIRD, count: 1 }])
    expect(grantAll(UNTOUCHED, asks(4)).state.calls).toEqual([{ from: SECOND, count: 2 }])
  })

  it('books turns of a count above 24 in buckets of a twentieth of the interval', () => {
    const many: Policies = { rate_limit: { count: 25, interval_ms: 2_000 } }
    // A bucket counts until its last possible call is an interval and its slack ago.
    const second = NOW + 100 + 2_200

    const first = grantAll(UNTOUCHED, asks(25), many)
    const next = grantAll(first.state, asks(2), many)

    expect(first.state.calls).toEqual([{ from: NOW, count: 25 }])
    expect(first.permits).toEqual(asks(25).map(() => ({ granted: true, at: FIRST })))
    expect(next.state.calls).toEqual([{ from: second, count: 2 }])
    expect(next.permits).toEqual(asks(2).map(() => ({ granted: true, at: second })))
  })

  it('uses a turn that was booked before, as long as it is not over', () => {
    const { state } = grantAll(UNTOUCHED, asks(3))
    const back = { ...ask, turn: SECOND }

    const early = grantAll(state, [back], POLICIES, NOW + 2_000)
    const inTime = grantAll(state, [back], POLICIES, SECOND + 80)
    const late = grantAll(state, [back], POLICIES, SECOND + 81)

    for (const used of [early, inTime]) {
      expect(used.state).toBe(state)
      expect(used.permits).toEqual([{ granted: true, at: SECOND }])
    }
    const another = SECOND + 81 + LEAD_MS
    expect(late.permits).toEqual([{ granted: true, at: another }])
    expect(late.state.calls).toEqual([
      { from: SECOND, count: 1 },
      { from: another, count: 1 },
    ])
  })

  it('ignores a turn where there is no rate limit any more', () => {
    expect(grantAll(UNTOUCHED, [{ ...ask, turn: NOW + 60_000 }], {}).permits).toEqual([{ granted: true, at: NOW }])
  })

  it('books nothing further ahead than a queue can hold a message back', () => {
    const slow: Policies = { rate_limit: { count: 1, interval_ms: 600_000 } }
    // The slack is never above a second.
    const second = FIRST + 600_000 + 1_000 + 1

    const { state, permits } = grantAll(UNTOUCHED, asks(4), slow)

    expect(permits).toMatchObject([
      { granted: true, at: FIRST },
      { granted: true, at: second },
      { granted: false, until: NOW + 900_000, because: 'rate limited' },
      { granted: false, until: NOW + 900_000, because: 'rate limited' },
    ])
    expect(state.calls).toEqual([{ from: second, count: 1 }])
  })

  it('is refused during a pause that the model has asked for, and books no turn', () => {
    const paused = { ...UNTOUCHED, paused_until: NOW + 3_000 }

    for (const policies of [{}, POLICIES]) {
      const { state, permits } = grantAll(paused, [ask], policies)
      expect(state).toBe(paused)
      expect(permits).toEqual([{ granted: false, until: NOW + 3_000, because: 'paused' }])
    }
    expect(grantAll(paused, [ask], {}, NOW + 3_000).permits).toEqual([{ granted: true, at: NOW + 3_000 }])
  })

  it('is refused while the circuit is open, and books no turn', () => {
    const { state, permits } = grantAll(open, asks(2))

    expect(state).toBe(open)
    expect(permits).toEqual(asks(2).map(() => ({ granted: false, until: NOW + 5_000, because: 'open' })))
  })

  it('goes on where the pipeline has no circuit any more', () => {
    expect(grantAll(open, [ask], {})).toEqual({ state: open, permits: [{ granted: true, at: NOW }] })
    expect(grantAll(probed, [ask], {}).permits).toEqual([{ granted: true, at: NOW }])
  })

  it('lets one of all that ask at once probe a circuit that is half open', () => {
    const { state, permits } = grantAll(halfOpen, asks(3), CIRCUIT_ONLY)

    expect(permits).toEqual([
      { granted: true, at: NOW, probe: 'p1' },
      { granted: false, until: NOW + 1_000, because: 'open' },
      { granted: false, until: NOW + 1_000, because: 'open' },
    ])
    expect(state.probe).toEqual({ id: 'p1', since: NOW, until: ask.until })
  })

  it('lets another one probe only when the first one’s worker must be gone', () => {
    expect(grantAll(probed, [ask]).permits).toEqual([{ granted: false, until: NOW + 4_000, because: 'open' }])
    expect(grantAll(probed, [ask], POLICIES, NOW + 59_999).permits).toMatchObject([{ granted: false }])
    expect(grantAll(probed, [ask], POLICIES, NOW + 60_000).permits).toMatchObject([{ granted: true, probe: 'p1' }])
  })

  it('makes no probe of a call that has to wait for its turn in the queue', () => {
    const busy = { ...halfOpen, calls: grantAll(UNTOUCHED, asks(2)).state.calls }

    const { state, permits } = grantAll(busy, [ask])

    expect(permits).toEqual([{ granted: true, at: SECOND }])
    expect(state.probe).toBeUndefined()
    const soon = SECOND - SOON_MS
    expect(grantAll(state, [{ ...ask, turn: SECOND }], POLICIES, soon).permits).toEqual([
      { granted: true, at: SECOND, probe: 'p1' },
    ])
  })
})
