import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RateLimit } from '../../../../../functions/core/flow-control/policies.ts'
import {
  type Bucket,
  LEAD_MS,
  nextTurn,
  toleranceOf,
  usageOf,
  withTurn,
} from '../../../../../functions/core/flow-control/rate-limit.ts'
import { NOW } from '../../../../support/clock.ts'

const LIMIT: RateLimit = { count: 20, interval_ms: 2_000 }

/** The turns of calls that are asked for at these times, one after the other. */
function turnsOf(asks: readonly number[], limit: RateLimit, before: readonly Bucket[] = []) {
  let log = before
  let largest = 0
  const turns = asks.map(now => {
    const turn = nextTurn(log, now, limit)
    log = withTurn(log, turn, limit)
    largest = Math.max(largest, log.length)
    return turn
  })
  return { turns, log, largest }
}

const atOnce = (calls: number): number[] => Array.from({ length: calls }, () => NOW)

/** The most of these times in any half-open interval. */
function mostWithin(times: readonly number[], interval: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return Math.max(0, ...sorted.map((from, i) => sorted.slice(i).filter(time => time < from + interval).length))
}

// Intervals as pipeline.yaml allows them.
const anInterval = fc.oneof(
  fc.constantFrom(1_000, 2_000, 8_000, 60_000, 3_600_000),
  fc.integer({ min: 1_000, max: 100_000 }),
)
/** Up to so many, each call is kept at its own time; above, in buckets of a twentieth of the interval (rate-limit.ts). */
const FEW = 24
const aCount = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 2, arbitrary: fc.integer({ min: 13, max: FEW }) },
  { weight: 3, arbitrary: fc.integer({ min: FEW + 1, max: 60 }) },
)
const aLimit = fc.record({ count: aCount, interval_ms: anInterval })

/** How time passes from ask to ask, in 1/1000 of an interval: mostly none or little; another worker's clock may be behind. */
const aStep = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 120 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_500 }) },
)
const anAsk = fc.record({ step: aStep, behind: fc.integer({ min: 0, max: 100 }), late: fc.constantFrom(0, 0.5, 1) })
/** Asks that come together: else the larger counts would hardly ever be reached. */
const aBurst = fc
  .tuple(aStep, fc.array(anAsk, { minLength: 10, maxLength: 50 }))
  .map(([step, asks]) => asks.map((ask, i) => ({ ...ask, step: i === 0 ? step : 0 })))
const someAsks = fc.oneof(
  { weight: 1, arbitrary: fc.array(anAsk, { minLength: 1, maxLength: 80 }) },
  { weight: 2, arbitrary: fc.array(aBurst, { minLength: 1, maxLength: 12 }).map(bursts => bursts.flat()) },
)

function timesOf(asks: readonly { step: number; behind: number }[], { interval_ms }: RateLimit): number[] {
  let now = NOW
  return asks.map(({ step, behind }) => {
    now += Math.round((step * interval_ms) / 1_000)
    return now - behind
  })
}

describe('the rate limit', () => {
  it('lets no interval see more calls than it may, whenever they are asked for and made within their tolerance', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        const { turns } = turnsOf(timesOf(asks, limit), limit)

        const calls = turns.map((at, i) => at + Math.floor((asks[i]?.late ?? 0) * toleranceOf(limit)))

        expect(mostWithin(calls, limit.interval_ms)).toBeLessThanOrEqual(limit.count)
      }),
      { numRuns: 500 },
    )
  })

  it.each(
    [1, 20, FEW, FEW + 1, 60].flatMap(count =>
      [1_000, 2_000, 7_000, 60_000, 3_600_000].map(interval_ms => ({ count, interval_ms })),
    ),
  )('holds for calls asked for at once, the earlier ones of which are made late ($count in $interval_ms ms)', limit => {
    const { count, interval_ms } = limit
    const width = interval_ms / 20
    // At the end of a bucket: the calls are noted as early as can be, and made as late as can be.
    const last = Math.ceil(NOW / width) * width + width - 1
    const { turns } = turnsOf(
      atOnce(6 * count).map(() => last),
      limit,
    )

    const calls = turns.map((at, i) => at + (i < count ? toleranceOf(limit) : 0))

    expect(mostWithin(calls, interval_ms)).toBe(count)
  })

  it('never gives a turn before it is asked for', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        const times = timesOf(asks, limit)

        for (const [i, at] of turnsOf(times, limit).turns.entries()) expect(at).toBeGreaterThanOrEqual(times[i] ?? NaN)
      }),
    )
  })

  it('gives turns in the order in which they are asked for, as long as time goes forward', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        const forward = timesOf(
          asks.map(ask => ({ ...ask, behind: 0 })),
          limit,
        )
        const { turns } = turnsOf(forward, limit)

        expect(turns).toEqual(turns.toSorted((a, b) => a - b))
      }),
    )
  })

  it('makes nobody wait who stays below it', () => {
    const spaced = Array.from({ length: 100 }, (_, i) => NOW + i * 130)

    expect(turnsOf(spaced, LIMIT).turns).toEqual(spaced)
  })

  it('lets a burst pass at once', () => {
    expect(turnsOf(atOnce(20), LIMIT).turns).toEqual(atOnce(20))
  })

  it('gives up little of the throughput: rounds of few calls follow each other at 1.11 intervals at most, of more at 1.16', () => {
    fc.assert(
      fc.property(aLimit, fc.integer({ min: 1, max: 300 }), (limit, calls) => {
        const { turns } = turnsOf(atOnce(calls), limit)

        const rounds = Math.ceil(calls / limit.count) - 1
        const most = limit.count <= FEW ? 1.11 : 1.16
        expect((turns.at(-1) ?? 0) - NOW).toBeLessThanOrEqual(rounds * most * limit.interval_ms)
      }),
    )
  })

  it('keeps a small log, whatever the count', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        expect(turnsOf(timesOf(asks, limit), limit).largest).toBeLessThanOrEqual(Math.min(limit.count, 24))
      }),
    )
    const busy = Array.from({ length: 5_000 }, (_, i) => NOW + i * 7)
    expect(turnsOf(busy, { count: 1_000_000, interval_ms: 1_000 }).largest).toBeLessThanOrEqual(24)
    expect(turnsOf(busy, { count: 1_000_000, interval_ms: 1_000 }).turns).toEqual(busy)
  })

  it('spaces the calls of a count of one by an interval at least', () => {
    const { turns } = turnsOf(atOnce(10), { count: 1, interval_ms: 1_000 })

    const spaces = turns.slice(1).map((at, i) => at - (turns[i] ?? 0))
    expect(Math.min(...spaces)).toBeGreaterThanOrEqual(1_000 + toleranceOf({ count: 1, interval_ms: 1_000 }))
    expect(Math.max(...spaces)).toBeLessThanOrEqual(1_000 + 100 + 1)
  })

  it('holds from the next turn on when a new version of the pipeline lowers it', () => {
    const before = turnsOf(atOnce(30), LIMIT)
    const lower = { ...LIMIT, count: 5 }

    const { turns } = turnsOf(atOnce(20), lower, before.log)

    expect(Math.min(...turns)).toBeGreaterThanOrEqual(Math.max(...before.turns))
    expect(mostWithin(turns, lower.interval_ms)).toBe(5)
    expect(mostWithin([...before.turns.slice(20), ...turns], lower.interval_ms)).toBeLessThanOrEqual(10)
  })

  it('holds from the next turn on when a new version of the pipeline changes its interval', () => {
    fc.assert(
      fc.property(aLimit, aLimit, someAsks, (limit, changed, asks) => {
        const before = turnsOf(timesOf(asks, limit), limit)
        const now = Math.max(...before.turns)

        const { turns } = turnsOf(
          timesOf(asks, changed).map(at => at - NOW + now),
          changed,
          before.log,
        )

        expect(mostWithin(turns, changed.interval_ms)).toBeLessThanOrEqual(changed.count)
      }),
    )
  })

  it('counts a call where it is made if that is at most a twenty-fifth of the interval late, and never over two fifths of a second', () => {
    expect(toleranceOf({ count: 1, interval_ms: 1_000 })).toBe(40)
    expect(toleranceOf({ count: 1, interval_ms: 10_000 })).toBe(400)
    expect(toleranceOf({ count: 1, interval_ms: 3_600_000 })).toBe(400)
  })
})

describe('how much of a limit is used', () => {
  it.each([0, 30, 1_900])('is one call %i ms after one', later => {
    const at = nextTurn([], NOW + LEAD_MS, LIMIT)

    expect(usageOf(withTurn([], at, LIMIT), NOW + later, LIMIT)).toEqual({ used: 1, next: NOW + later })
  })

  it('is all of it while calls wait for their turns', () => {
    const { log } = turnsOf(atOnce(LIMIT.count), LIMIT)

    expect(usageOf(log, NOW, LIMIT)).toMatchObject({ used: LIMIT.count })
    expect(usageOf(log, NOW, LIMIT).next).toBeGreaterThan(NOW + LIMIT.interval_ms)
  })
})
