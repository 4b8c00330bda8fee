import { describe, expect, it } from 'vitest'
import { RequestError } from '../../../../../functions/core/domain/errors.ts'
import type { Rate } from '../../../../../functions/core/domain/rate.ts'
import { countCalls } from '../../../../../functions/core/platform/call-counter.ts'

const MINUTE = 60_000
const NOON = Date.UTC(2026, 10, 23, 12)
const RATE: Rate = { count: 3, interval_ms: MINUTE }

/** Counts one call of a user. Returns whether the rate allows the call. */
const letThrough = (calls: ReturnType<typeof countCalls>, user: string, now: number, rate = RATE): boolean => {
  try {
    calls.count(user, rate, now)
    return true
  } catch (error) {
    if (error instanceof RequestError && error.code === 'rate_exceeded') return false
    throw error
  }
}
const many = (count: number, calls: ReturnType<typeof countCalls>, user: string, now: number) =>
  Array.from({ length: count }, () => letThrough(calls, user, now)).filter(Boolean).length

describe('countCalls, which counts the API calls of each user within one process', () => {
  it('allows each user as many calls per interval as the rate says', () => {
    const calls = countCalls()

    expect(many(10, calls, 'ann', NOON)).toBe(3)
    expect(many(10, calls, 'bob', NOON + 1)).toBe(3)
    expect(many(10, calls, 'ann', NOON + MINUTE - 1)).toBe(0)
    expect(many(10, calls, 'ann', NOON + MINUTE)).toBe(3)
  })

  it('refuses a call with the seconds until the end of the interval, rounded up', () => {
    const calls = countCalls()
    many(3, calls, 'ann', NOON)

    const refusal = () => calls.count('ann', RATE, NOON + 47_300)

    expect(refusal).toThrow('too many calls: this plan allows 3 a minute')
    const details = { retry_after_s: 13, rate: RATE }
    expect(refusal).toThrow(expect.objectContaining({ code: 'rate_exceeded', details }))
  })

  it('allows no further call in an interval after the quota has reported the rate as used up', () => {
    const calls = countCalls()
    many(1, calls, 'ann', NOON)

    calls.exhaust('ann', RATE, NOON)

    expect(many(1, calls, 'ann', NOON)).toBe(0)
    expect(many(1, calls, 'bob', NOON)).toBe(1)
    expect(many(5, calls, 'ann', NOON + MINUTE)).toBe(3)
  })

  it('ignores a report of a used-up rate that belongs to an earlier interval', () => {
    const calls = countCalls()
    many(1, calls, 'ann', NOON)
    many(1, calls, 'ann', NOON + MINUTE)

    calls.exhaust('ann', RATE, NOON)

    expect(many(5, calls, 'ann', NOON + MINUTE)).toBe(2)
  })

  it('remembers the counts of 10,000 users, and forgets the user with the oldest count first', () => {
    const calls = countCalls()
    many(3, calls, 'ann', NOON)
    for (let i = 0; i < 9_999; i++) many(3, calls, `user-${i}`, NOON)
    expect(many(1, calls, 'ann', NOON)).toBe(0)

    many(1, calls, 'one more', NOON)

    expect(many(1, calls, 'ann', NOON)).toBe(1)
    expect(many(1, calls, 'user-9998', NOON)).toBe(0)
  })
})
