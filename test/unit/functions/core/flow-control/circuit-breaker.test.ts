import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyReport } from '../../../../../functions/core/flow-control/apply-report.ts'
import {
  addFailures,
  askAgainAt,
  endProbe,
  LONGEST_OPEN_MS,
} from '../../../../../functions/core/flow-control/circuit-breaker.ts'
import type { CircuitState } from '../../../../../functions/core/flow-control/circuit-state.ts'
import type { Circuit, Policies } from '../../../../../functions/core/flow-control/policies.ts'
import { type ModelState, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'

const CIRCUIT: Circuit = { failures: 3, within_ms: 60_000, open_ms: 30_000 }
const CLOSED: CircuitState = { failures: [] }

/** The state after failed calls at these times, in milliseconds from now. */
const failedAt = (times: readonly number[], policy = CIRCUIT): CircuitState =>
  times.reduce((state, at) => addFailures(state, 1, NOW + at, policy), CLOSED)

/** The state of an open circuit after this many failed probes (test calls) in a row. Each probe was made as early as possible. */
function probedInVain(probes: number, policy = CIRCUIT): { state: CircuitState; periods: number[] } {
  let now = NOW
  let state = addFailures(CLOSED, policy.failures, now, policy)
  const periods = [(state.open?.until ?? 0) - now]
  for (let i = 0; i < probes; i++) {
    now = state.open?.until ?? 0
    state = endProbe(state, { failures: 1 }, now, policy)
    periods.push((state.open?.until ?? 0) - now)
  }
  return { state, periods }
}

describe('circuit breaker', () => {
  it('opens after `failures` failed calls, for `open_ms`', () => {
    expect(failedAt([0, 1]).open).toBeUndefined()
    expect(failedAt([0, 1, 2]).open).toEqual({ until: NOW + 2 + 30_000, times: 1 })
  })

  it('opens at once when one report has as many failures as open the circuit', () => {
    expect(addFailures(CLOSED, 7, NOW, CIRCUIT).open).toEqual({ until: NOW + 30_000, times: 1 })
  })

  it.each([
    { times: [0, 1, 59_999], isOpen: true },
    { times: [0, 1, 60_000], isOpen: false },
    { times: [0, 1, 60_001], isOpen: false },
    { times: [0, 40_000, 80_000, 99_999], isOpen: true },
  ])(
    'counts only failures within `within_ms`: after failures at $times ms, the circuit is open: $isOpen',
    ({ times, isOpen }) => {
      expect(failedAt(times).open !== undefined).toBe(isOpen)
    },
  )

  it('the circuit opens if `failures` failures are within `within_ms`, and only then, whenever they happen', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 20 }), steps => {
        const times = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, step) => sum + step, 0))
        const isDue = times.some((last, i) => i >= 2 && (times[i - 2] ?? 0) > last - CIRCUIT.within_ms)

        expect(failedAt(times).open !== undefined).toBe(isDue)
      }),
    )
  })

  it('an open circuit ignores failures of calls that were under way when it opened', () => {
    const open = failedAt([0, 1, 2])

    expect(addFailures(open, 3, NOW + 29_000, CIRCUIT)).toBe(open)
    expect(addFailures(open, 3, NOW + 90_000, CIRCUIT)).toBe(open)
  })

  it('the circuit stays open for longer after each failed probe (test call), up to eight times `open_ms`', () => {
    expect(probedInVain(9).periods.map(period => period / 30_000)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8, 8])
  })

  it('the circuit stays open for at most 15 minutes after a failed probe (test call), unless `open_ms` is longer', () => {
    expect(probedInVain(4, { ...CIRCUIT, open_ms: 400_000 }).periods).toEqual([
      400_000, 800_000, 900_000, 900_000, 900_000,
    ])
    expect(probedInVain(2, { ...CIRCUIT, open_ms: 3_600_000 }).periods).toEqual([3_600_000, 3_600_000, 3_600_000])
    expect(LONGEST_OPEN_MS).toBe(900_000)
  })

  it('the circuit closes with the first successful probe (test call), and forgets all failures', () => {
    const { state } = probedInVain(3)

    const closed = endProbe(state, 'healthy', NOW, CIRCUIT)

    expect(closed).toEqual(CLOSED)
    expect(addFailures(closed, 2, NOW, CIRCUIT).open).toBeUndefined()
  })

  it('if a probe (test call) shows nothing about the model, the circuit allows another probe, and does not stay open for longer', () => {
    const { state } = probedInVain(1)
    const probing = { ...state, probe: { id: 'p', since: NOW, until: NOW + 90_000 } }

    expect(endProbe(probing, 'nothing', NOW, CIRCUIT)).toEqual(state)
  })

  it.each([
    { since: 0, wait: 1_000 },
    { since: -500, wait: 1_000 },
    { since: -7_000, wait: 7_000 },
    { since: -80_000, wait: 30_000 },
  ])(
    'other calls wait for as long as the probe (test call) has run so far, between 1 s and 30 s (probe since $since ms: $wait ms)',
    ({ since, wait }) => {
      expect(askAgainAt(NOW + since, NOW, CIRCUIT)).toBe(NOW + wait)
    },
  )
})

const POLICIES: Policies = {
  rate_limit: { count: 2, interval_ms: 2_000 },
  circuit: { failures: 3, within_ms: 60_000, open_ms: 30_000 },
}
const open: ModelState = { ...UNTOUCHED, open: { until: NOW + 5_000, times: 1 } }
const halfOpen: ModelState = { ...UNTOUCHED, open: { until: NOW, times: 1 } }
const probed: ModelState = { ...halfOpen, probe: { id: 'p0', since: NOW - 4_000, until: NOW + 60_000 } }

describe('applyReport: the state of a model after the report of a call', () => {
  const report = (state: ModelState, what: Parameters<typeof applyReport>[1], policies = POLICIES) =>
    applyReport(state, what, NOW, policies)

  it('changes nothing for a successful call, whether or not earlier calls failed', () => {
    for (const state of [UNTOUCHED, { ...UNTOUCHED, failures: [NOW - 1] }, open])
      expect(report(state, { findings: 'healthy' })).toBe(state)
  })

  const Halt = { since: NOW - 60_000, until: NOW, times: 1, code: 'model_rejected', reason: 'no credit' }
  const haltProbed: ModelState = {
    ...UNTOUCHED,
    halted: Halt,
    probe: { id: 'p0', since: NOW - 1_000, until: NOW + 60_000 },
  }

  it('the report of a call that began before the halt does not end the probe (test call) of a halted model; only the report of the probe itself does', () => {
    expect(report(haltProbed, { findings: { failures: 1 }, users: ['u1'] }).probe).toEqual(haltProbed.probe)
    expect(report(haltProbed, { findings: { failures: 3 }, users: ['u1'] })).toMatchObject({
      probe: haltProbed.probe,
      open: { times: 1 },
    })
    expect(report(haltProbed, { findings: 'nothing', probe: 'p0' }).probe).toBeUndefined()
  })

  it('a successful probe ends a halt, but not if the model refused the probe’s request, for example with a 400', () => {
    expect(report(haltProbed, { findings: 'healthy', probe: 'p0', users: ['u1'] })).not.toHaveProperty('halted')

    const refused = report(haltProbed, { findings: 'healthy', is_refusal: true, probe: 'p0', users: [] })
    expect(refused).toMatchObject({ halted: Halt })
    expect(refused.probe).toBeUndefined()
  })

  it('counts failures, and opens the circuit when there are enough', () => {
    expect(report(UNTOUCHED, { findings: { failures: 1 } }).failures).toEqual([NOW])
    expect(report(UNTOUCHED, { findings: { failures: 2 } }).failures).toEqual([NOW, NOW])
    expect(report(UNTOUCHED, { findings: { failures: 3 } }).open).toEqual({ until: NOW + 30_000, times: 1 })
  })

  it('changes nothing if the report shows nothing about the model, for example since no call was made', () => {
    expect(report(UNTOUCHED, { findings: 'nothing' })).toBe(UNTOUCHED)
  })

  it('failures do not count if the model has no circuit', () => {
    expect(report(UNTOUCHED, { findings: { failures: 1 } }, {})).toBe(UNTOUCHED)
  })

  it('the report of a call keeps the calls that the rate limit has counted', () => {
    const calls = [{ from: NOW, count: 2 }]

    expect(report({ ...UNTOUCHED, calls }, { findings: { failures: 3 } }).calls).toEqual(calls)
  })

  it.each([
    { what: 'closes the circuit after a success', findings: 'healthy', expected: { failures: [] } },
    {
      what: 'opens the circuit for longer after a failure',
      findings: { failures: 1 },
      expected: { open: { until: NOW + 60_000, times: 2 } },
    },
    {
      what: 'leaves the circuit half open for another probe after a report without a result',
      findings: 'nothing',
      expected: { open: probed.open },
    },
  ] as const)('$what of the probe', ({ findings, expected }) => {
    const after = report(probed, { findings, probe: 'p0' })

    expect(after).toMatchObject(expected)
    expect(after.probe).toBeUndefined()
    expect(after.open !== undefined).toBe(findings !== 'healthy')
  })

  it.each(['healthy', 'nothing', { failures: 1 }] as const)(
    'changes nothing for the report of a probe that a newer probe has replaced (%s)',
    findings => {
      expect(report(probed, { findings, probe: 'older' })).toBe(probed)
    },
  )

  it('changes nothing for calls that are not probes while the circuit is open or half open', () => {
    for (const state of [open, halfOpen, probed])
      for (const findings of ['healthy', { failures: 1 }] as const) expect(report(state, { findings })).toBe(state)
  })

  it('the state keeps the longest pause that the model has asked for, with or without a circuit', () => {
    for (const policies of [{}, POLICIES]) {
      const paused = report(UNTOUCHED, { findings: 'nothing', pause_until: NOW + 3_000 }, policies)
      expect(paused).toEqual({ ...UNTOUCHED, paused_until: NOW + 3_000 })
      expect(report(paused, { findings: 'nothing', pause_until: NOW + 2_000 }, policies)).toBe(paused)
    }
  })
})
