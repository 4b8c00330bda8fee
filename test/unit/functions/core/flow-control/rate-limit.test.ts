import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RateLimit } from '../../../../../functions/core/flow-control/policies.ts'
import {
  type Bucket,
  MIN_LEAD_TIME_MS,
  nextSlot,
  toleranceOf,
  usageOf,
  withSlot,
} from '../../../../../functions/core/flow-control/rate-limit.ts'
import { NOW } from '../../../../support/clock.ts'
import { EXACT_LOG_MAX } from '../../../../support/limiter.ts'

const LIMIT: RateLimit = { count: 20, interval_ms: 2_000 }

/** The slots of calls that ask at these times, one after the other. `largest` is the highest number of buckets in the log. */
function slotsOf(asks: readonly number[], limit: RateLimit, before: readonly Bucket[] = []) {
  let log = before
  let largest = 0
  const slots = asks.map(now => {
    const slot = nextSlot(log, now, limit)
    log = withSlot(log, slot, limit)
    largest = Math.max(largest, log.length)
    return slot
  })
  return { slots, log, largest }
}

const atOnce = (calls: number): number[] => Array.from({ length: calls }, () => NOW)

/** The largest number of these times in one half-open interval. */
function mostWithin(times: readonly number[], interval: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return Math.max(0, ...sorted.map((from, i) => sorted.slice(i).filter(time => time < from + interval).length))
}

// Intervals that pipeline.yaml allows, in milliseconds.
const anInterval = fc.oneof(
  fc.constantFrom(1_000, 2_000, 8_000, 60_000, 3_600_000),
  fc.integer({ min: 1_000, max: 100_000 }),
)
const aCount = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 2, arbitrary: fc.integer({ min: 13, max: EXACT_LOG_MAX }) },
  { weight: 3, arbitrary: fc.integer({ min: EXACT_LOG_MAX + 1, max: 60 }) },
)
const aLimit = fc.record({ count: aCount, interval_ms: anInterval })

/** The time between two calls that ask for a slot, in thousandths of the interval. It is mostly zero or short. */
const aStep = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 120 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_500 }) },
)
const anAsk = fc.record({ step: aStep, behind: fc.integer({ min: 0, max: 100 }), late: fc.constantFrom(0, 0.5, 1) })
/** Several calls that ask at the same time. Without bursts, the random calls would hardly ever reach the larger limits. */
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

describe('nextSlot and withSlot, the slots of a rate limit', () => {
  it('never exceed the limit in any interval, whenever calls ask, and however late within the tolerance they are made', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        const { slots } = slotsOf(timesOf(asks, limit), limit)

        const calls = slots.map((at, i) => at + Math.floor((asks[i]?.late ?? 0) * toleranceOf(limit)))

        expect(mostWithin(calls, limit.interval_ms)).toBeLessThanOrEqual(limit.count)
      }),
      { numRuns: 500 },
    )
  })

  it.each(
    [1, 20, EXACT_LOG_MAX, EXACT_LOG_MAX + 1, 60].flatMap(count =>
      [1_000, 2_000, 7_000, 60_000, 3_600_000].map(intervalMs => ({ count, interval_ms: intervalMs })),
    ),
  )(
    'the slots never exceed the limit if calls ask at the same time and the first ones are made late ($count in $interval_ms ms)',
    limit => {
      const { count, interval_ms } = limit
      const width = interval_ms / 20
      // The worst case: the calls ask at the last millisecond of a bucket. The log has only the start of the bucket as their
      // time, while the calls are made at its end and late.
      const last = Math.ceil(NOW / width) * width + width - 1
      const { slots } = slotsOf(
        atOnce(6 * count).map(() => last),
        limit,
      )

      const calls = slots.map((at, i) => at + (i < count ? toleranceOf(limit) : 0))

      expect(mostWithin(calls, interval_ms)).toBe(count)
    },
  )

  it('no slot is before the time at which its call asks', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        const times = timesOf(asks, limit)

        for (const [i, at] of slotsOf(times, limit).slots.entries()) expect(at).toBeGreaterThanOrEqual(times[i] ?? NaN)
      }),
    )
  })

  it('calls get slots in the order in which they ask, as long as no clock goes backwards', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        const forward = timesOf(
          asks.map(ask => ({ ...ask, behind: 0 })),
          limit,
        )
        const { slots } = slotsOf(forward, limit)

        expect(slots).toEqual(slots.toSorted((a, b) => a - b))
      }),
    )
  })

  it('each call gets a slot at once while calls stay below the limit', () => {
    const spaced = Array.from({ length: 100 }, (_, i) => NOW + i * 130)

    expect(slotsOf(spaced, LIMIT).slots).toEqual(spaced)
  })

  it('a burst of as many calls as the limit allows gets slots at once', () => {
    expect(slotsOf(atOnce(20), LIMIT).slots).toEqual(atOnce(20))
  })

  it('each further `count` calls take at most 1.11 intervals with a limit of up to 24 calls, and at most 1.16 with a higher limit', () => {
    fc.assert(
      fc.property(aLimit, fc.integer({ min: 1, max: 300 }), (limit, calls) => {
        const { slots } = slotsOf(atOnce(calls), limit)

        const rounds = Math.ceil(calls / limit.count) - 1
        const most = limit.count <= EXACT_LOG_MAX ? 1.11 : 1.16
        expect((slots.at(-1) ?? 0) - NOW).toBeLessThanOrEqual(rounds * most * limit.interval_ms)
      }),
    )
  })

  it('the log of calls has at most 24 entries, whatever the limit', () => {
    fc.assert(
      fc.property(aLimit, someAsks, (limit, asks) => {
        expect(slotsOf(timesOf(asks, limit), limit).largest).toBeLessThanOrEqual(Math.min(limit.count, 24))
      }),
    )
    const busy = Array.from({ length: 5_000 }, (_, i) => NOW + i * 7)
    expect(slotsOf(busy, { count: 1_000_000, interval_ms: 1_000 }).largest).toBeLessThanOrEqual(24)
    expect(slotsOf(busy, { count: 1_000_000, interval_ms: 1_000 }).slots).toEqual(busy)
  })

  it('with a limit of one call, the slots are at least an interval and the tolerance apart', () => {
    const { slots } = slotsOf(atOnce(10), { count: 1, interval_ms: 1_000 })

    const spaces = slots.slice(1).map((at, i) => at - (slots[i] ?? 0))
    expect(Math.min(...spaces)).toBeGreaterThanOrEqual(1_000 + toleranceOf({ count: 1, interval_ms: 1_000 }))
    expect(Math.max(...spaces)).toBeLessThanOrEqual(1_000 + 100 + 1)
  })

  it('a lower limit of a changed pipeline.yaml holds from the next slot on', () => {
    const before = slotsOf(atOnce(30), LIMIT)
    const lower = { ...LIMIT, count: 5 }

    const { slots } = slotsOf(atOnce(20), lower, before.log)

    expect(Math.min(...slots)).toBeGreaterThanOrEqual(Math.max(...before.slots))
    expect(mostWithin(slots, lower.interval_ms)).toBe(5)
    expect(mostWithin([...before.slots.slice(20), ...slots], lower.interval_ms)).toBeLessThanOrEqual(10)
  })

  it('a changed limit and interval of pipeline.yaml hold from the next slot on', () => {
    fc.assert(
      fc.property(aLimit, aLimit, someAsks, (limit, changed, asks) => {
        const before = slotsOf(timesOf(asks, limit), limit)
        const now = Math.max(...before.slots)

        const { slots } = slotsOf(
          timesOf(asks, changed).map(at => at - NOW + now),
          changed,
          before.log,
        )

        expect(mostWithin(slots, changed.interval_ms)).toBeLessThanOrEqual(changed.count)
      }),
    )
  })
})

describe('toleranceOf, how late after its slot a call may be made', () => {
  it('is 4% of the interval, and at most 400 ms', () => {
    expect(toleranceOf({ count: 1, interval_ms: 1_000 })).toBe(40)
    expect(toleranceOf({ count: 1, interval_ms: 10_000 })).toBe(400)
    expect(toleranceOf({ count: 1, interval_ms: 3_600_000 })).toBe(400)
  })
})

describe('usageOf, the used part of a rate limit', () => {
  it.each([0, 30, 1_900])('counts one call as used, %i ms after the only call', later => {
    const at = nextSlot([], NOW + MIN_LEAD_TIME_MS, LIMIT)

    expect(usageOf(withSlot([], at, LIMIT), NOW + later, LIMIT)).toEqual({ used: 1, next: NOW + later })
  })

  it('reports the limit as used up while calls wait for their slots', () => {
    const { log } = slotsOf(atOnce(LIMIT.count), LIMIT)

    expect(usageOf(log, NOW, LIMIT)).toMatchObject({ used: LIMIT.count })
    expect(usageOf(log, NOW, LIMIT).next).toBeGreaterThan(NOW + LIMIT.interval_ms)
  })
})
