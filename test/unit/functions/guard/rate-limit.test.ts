import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RateLimit } from '../../../../functions/guard/policies.ts'
import { type Bucket, nextTurn, toleranceOf, withTurn } from '../../../../functions/guard/rate-limit.ts'
import { NOW } from '../../../support/clock.ts'

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
const aLimit = fc.record({ count: fc.integer({ min: 1, max: 12 }), interval_ms: anInterval })

/** How time passes from ask to ask, in 1/1000 of an interval: mostly none or little; another worker's clock may be behind. */
const aStep = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 120 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_500 }) },
)
const anAsk = fc.record({ step: aStep, behind: fc.integer({ min: 0, max: 100 }), late: fc.constantFrom(0, 0.5, 1) })
const someAsks = fc.array(anAsk, { minLength: 1, maxLength: 80 })

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

  it.each([1_000, 2_000, 7_000, 60_000, 3_600_000])(
    'holds for calls asked for at once, the earlier ones of which are made late (interval of %i ms)',
    interval_ms => {
      const limit = { count: 20, interval_ms }
      // At the end of a bucket: the calls are noted as early as can be, and made as late as can be.
      const { turns } = turnsOf(
        atOnce(120).map(at => at + interval_ms / 20 - 1),
        limit,
      )

      const calls = turns.map((at, i) => at + (i < 20 ? toleranceOf(limit) : 0))

      expect(mostWithin(calls, interval_ms)).toBe(20)
    },
  )

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

  it('gives up little of the throughput: rounds of calls follow each other at 1.2 intervals at most', () => {
    fc.assert(
      fc.property(
        fc.record({ count: fc.integer({ min: 1, max: 50 }), interval_ms: anInterval }),
        fc.integer({ min: 1, max: 300 }),
        (limit, calls) => {
          const { turns } = turnsOf(atOnce(calls), limit)

          const rounds = Math.ceil(calls / limit.count) - 1
          expect((turns.at(-1) ?? 0) - NOW).toBeLessThanOrEqual(rounds * 1.2 * limit.interval_ms)
        },
      ),
    )
  })

  it('keeps a small log, whatever the count', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        expect(turnsOf(timesOf(asks, limit), limit).largest).toBeLessThanOrEqual(25)
      }),
    )
    const busy = Array.from({ length: 5_000 }, (_, i) => NOW + i * 7)
    expect(turnsOf(busy, { count: 1_000_000, interval_ms: 1_000 }).largest).toBeLessThanOrEqual(25)
    expect(turnsOf(busy, { count: 1_000_000, interval_ms: 1_000 }).turns).toEqual(busy)
  })

  it('spaces the calls of a count of one by an interval at least', () => {
    const { turns } = turnsOf(atOnce(10), { count: 1, interval_ms: 1_000 })

    const spaces = turns.slice(1).map((at, i) => at - (turns[i] ?? 0))
    expect(Math.min(...spaces)).toBeGreaterThanOrEqual(1_000 + toleranceOf({ count: 1, interval_ms: 1_000 }))
    expect(Math.max(...spaces)).toBeLessThanOrEqual(1_200)
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

  it('counts a call where it is made if that is at most a twentieth of the interval late, and never over two fifths of a second', () => {
    expect(toleranceOf({ count: 1, interval_ms: 1_000 })).toBe(50)
    expect(toleranceOf({ count: 1, interval_ms: 8_000 })).toBe(400)
    expect(toleranceOf({ count: 1, interval_ms: 3_600_000 })).toBe(400)
  })
})
