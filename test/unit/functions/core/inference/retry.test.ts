import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoff, pauseOf } from '../../../../../functions/core/inference/retry.ts'
import { aRetry, failure } from '../../../../support/failures.ts'

const RETRY = aRetry()

describe('the wait for the next attempt', () => {
  it.each([
    { attempt: 1, random: 0, wait: 1_000 },
    { attempt: 1, random: 0.5, wait: 1_500 },
    { attempt: 1, random: 0.9999, wait: 2_000 },
    { attempt: 3, random: 0.9999, wait: 7_999 },
    { attempt: 5, random: 0.9999, wait: 29_997 },
    { attempt: 5, random: 0, wait: 1_000 },
  ])('is $wait ms after attempt $attempt with the random number $random', ({ attempt, random, wait }) => {
    expect(backoff(RETRY, attempt, () => random)).toBe(wait)
  })

  it('is a whole number of milliseconds between `period` and `max_backoff`, and is never shorter after more attempts', () => {
    const aPolicy = fc.record({ period_ms: fc.integer({ min: 100, max: 900_000 }), more: fc.nat(900_000) })
    const aRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(aPolicy, fc.integer({ min: 1, max: 100 }), aRandom, ({ period_ms, more }, attempt, random) => {
        const policy = { ...RETRY, period_ms, max_backoff_ms: period_ms + more }

        const wait = backoff(policy, attempt, () => random)

        expect(Number.isInteger(wait)).toBe(true)
        expect(wait).toBeGreaterThanOrEqual(period_ms)
        expect(wait).toBeLessThanOrEqual(policy.max_backoff_ms)
        expect(backoff(policy, attempt + 1, () => random)).toBeGreaterThanOrEqual(wait)
      }),
    )
  })

  it('the wait for the next attempt is always the same if `period` equals `max_backoff`', () => {
    expect(backoff({ ...RETRY, max_backoff_ms: 1_000 }, 4, () => 0.7)).toBe(1_000)
  })
})

describe('the pause that a model asks for', () => {
  it.each([
    { asked: undefined, pause: 0 },
    { asked: 3_000, pause: 3_000 },
    { asked: 900_000, pause: 900_000 },
    { asked: 86_400_000, pause: 900_000 },
    { asked: Number.POSITIVE_INFINITY, pause: 900_000 },
  ])('is at most 15 minutes, if the model asks for $asked', ({ asked, pause }) => {
    expect(pauseOf(failure({ retry_after_ms: asked }))).toBe(pause)
  })
})
