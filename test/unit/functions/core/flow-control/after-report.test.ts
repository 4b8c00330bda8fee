import { describe, expect, it } from 'vitest'
import { afterReport } from '../../../../../functions/core/flow-control/after-report.ts'
import type { Policies } from '../../../../../functions/core/flow-control/policies.ts'
import { type GuardState, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'

const POLICIES: Policies = {
  rate_limit: { count: 2, interval_ms: 2_000 },
  circuit: { failures: 3, within_ms: 60_000, open_ms: 30_000 },
}
const open: GuardState = { ...UNTOUCHED, open: { until: NOW + 5_000, times: 1 } }
const halfOpen: GuardState = { ...UNTOUCHED, open: { until: NOW, times: 1 } }
const probed: GuardState = { ...halfOpen, probe: { id: 'p0', since: NOW - 4_000, until: NOW + 60_000 } }

describe('the reports of calls', () => {
  const report = (state: GuardState, what: Parameters<typeof afterReport>[1], policies = POLICIES) =>
    afterReport(state, what, NOW, policies)

  it('change nothing when the call succeeded, failures before it or not: they are not in a row', () => {
    for (const state of [UNTOUCHED, { ...UNTOUCHED, failures: [NOW - 1] }, open])
      expect(report(state, { findings: 'well' })).toBe(state)
  })

  it('count failures', () => {
    expect(report(UNTOUCHED, { findings: { failures: 1 } }).failures).toEqual([NOW])
    expect(report(UNTOUCHED, { findings: { failures: 2 } }).failures).toEqual([NOW, NOW])
    expect(report(UNTOUCHED, { findings: { failures: 3 } }).open).toEqual({ until: NOW + 30_000, times: 1 })
  })

  it('count nothing when nothing is known of how the calls came out', () => {
    expect(report(UNTOUCHED, { findings: 'nothing' })).toBe(UNTOUCHED)
  })

  it('count nothing where there is no circuit', () => {
    expect(report(UNTOUCHED, { findings: { failures: 1 } }, {})).toBe(UNTOUCHED)
  })

  it('keep the rate limit’s log', () => {
    const calls = [{ from: NOW, count: 2 }]

    expect(report({ ...UNTOUCHED, calls }, { findings: { failures: 3 } }).calls).toEqual(calls)
  })

  it.each([
    { what: 'closes the circuit', findings: 'well', expected: { failures: [] } },
    { what: 'opens it for longer', findings: { failures: 1 }, expected: { open: { until: NOW + 60_000, times: 2 } } },
    { what: 'leaves it half open, for the next one', findings: 'nothing', expected: { open: probed.open } },
  ] as const)('of a probe: it $what', ({ findings, expected }) => {
    const after = report(probed, { findings, probe: 'p0' })

    expect(after).toMatchObject(expected)
    expect(after.probe).toBeUndefined()
    expect(after.open !== undefined).toBe(findings !== 'well')
  })

  it.each(['well', 'nothing', { failures: 1 }] as const)(
    'of a probe that is another’s by now change nothing (%s)',
    findings => {
      expect(report(probed, { findings, probe: 'older' })).toBe(probed)
    },
  )

  it('of calls that are no probe leave an open circuit as it is', () => {
    for (const state of [open, halfOpen, probed])
      for (const findings of ['well', { failures: 1 }] as const) expect(report(state, { findings })).toBe(state)
  })

  it('keep the longest pause that the model has asked for, with or without a circuit', () => {
    for (const policies of [{}, POLICIES]) {
      const paused = report(UNTOUCHED, { findings: 'nothing', pause_until: NOW + 3_000 }, policies)
      expect(paused).toEqual({ ...UNTOUCHED, paused_until: NOW + 3_000 })
      expect(report(paused, { findings: 'nothing', pause_until: NOW + 2_000 }, policies)).toBe(paused)
    }
  })
})
