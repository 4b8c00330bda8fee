import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterFailures,
  afterProbe,
  afterProbing,
  type CircuitState,
  LONGEST_OPEN_MS,
} from '../../../../../functions/core/flow-control/circuit-breaker.ts'
import type { Circuit } from '../../../../../functions/core/flow-control/policies.ts'
import { NOW } from '../../../../support/clock.ts'

const CIRCUIT: Circuit = { failures: 3, within_ms: 60_000, open_ms: 30_000 }
const CLOSED: CircuitState = { failures: [] }

/** After failed calls so many milliseconds from now. */
const failedAt = (times: readonly number[], policy = CIRCUIT): CircuitState =>
  times.reduce((state, at) => afterFailures(state, 1, NOW + at, policy), CLOSED)

/** After it has opened, and probes so often in a row have failed, each as soon as it could be made. */
function probedInVain(probes: number, policy = CIRCUIT): { state: CircuitState; periods: number[] } {
  let now = NOW
  let state = afterFailures(CLOSED, policy.failures, now, policy)
  const periods = [(state.open?.until ?? 0) - now]
  for (let i = 0; i < probes; i++) {
    now = state.open?.until ?? 0
    state = afterProbe(state, { failures: 1 }, now, policy)
    periods.push((state.open?.until ?? 0) - now)
  }
  return { state, periods }
}

describe('a circuit', () => {
  it('opens when as many calls have failed as it says, for as long as it says', () => {
    expect(failedAt([0, 1]).open).toBeUndefined()
    expect(failedAt([0, 1, 2]).open).toEqual({ until: NOW + 2 + 30_000, times: 1 })
  })

  it('opens at once when many calls have failed together', () => {
    expect(afterFailures(CLOSED, 7, NOW, CIRCUIT).open).toEqual({ until: NOW + 30_000, times: 1 })
  })

  it.each([
    { times: [0, 1, 59_999], isOpen: true },
    { times: [0, 1, 60_000], isOpen: false },
    { times: [0, 1, 60_001], isOpen: false },
    { times: [0, 40_000, 80_000, 99_999], isOpen: true },
  ])('counts failures within its time only: $times opens it is $isOpen', ({ times, isOpen }) => {
    expect(failedAt(times).open !== undefined).toBe(isOpen)
  })

  it('opens exactly when so many failures are within its time, whenever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 20 }), steps => {
        const times = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, step) => sum + step, 0))
        const isDue = times.some((last, i) => i >= 2 && (times[i - 2] ?? 0) > last - CIRCUIT.within_ms)

        expect(failedAt(times).open !== undefined).toBe(isDue)
      }),
    )
  })

  it('learns nothing from calls that were under way when it opened', () => {
    const open = failedAt([0, 1, 2])

    expect(afterFailures(open, 3, NOW + 29_000, CIRCUIT)).toBe(open)
    expect(afterFailures(open, 3, NOW + 90_000, CIRCUIT)).toBe(open)
  })

  it('stays open for longer each time the model fails again, up to eight times as long', () => {
    expect(probedInVain(9).periods.map(period => period / 30_000)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8, 8])
  })

  it('stays open a quarter of an hour at most, unless it says more', () => {
    expect(probedInVain(4, { ...CIRCUIT, open_ms: 400_000 }).periods).toEqual([
      400_000, 800_000, 900_000, 900_000, 900_000,
    ])
    expect(probedInVain(2, { ...CIRCUIT, open_ms: 3_600_000 }).periods).toEqual([3_600_000, 3_600_000, 3_600_000])
    expect(LONGEST_OPEN_MS).toBe(900_000)
  })

  it('closes with the first probe that succeeds, and forgets all', () => {
    const { state } = probedInVain(3)

    const closed = afterProbe(state, 'well', NOW, CIRCUIT)

    expect(closed).toEqual(CLOSED)
    expect(afterFailures(closed, 2, NOW, CIRCUIT).open).toBeUndefined()
  })

  it('lets another probe through, and is open no longer, when one has told nothing', () => {
    const { state } = probedInVain(1)
    const probing = { ...state, probe: { id: 'p', since: NOW, until: NOW + 90_000 } }

    expect(afterProbe(probing, 'nothing', NOW, CIRCUIT)).toEqual(state)
  })

  it.each([
    { since: 0, wait: 1_000 },
    { since: -500, wait: 1_000 },
    { since: -7_000, wait: 7_000 },
    { since: -80_000, wait: 30_000 },
  ])('is looked at again after as long as its probe has taken ($since ms): $wait ms', ({ since, wait }) => {
    expect(afterProbing(NOW + since, NOW, CIRCUIT)).toBe(NOW + wait)
  })
})
