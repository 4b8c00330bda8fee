import { describe, expect, it } from 'vitest'
import { retryAfter } from '../../../../../functions/core/inference/retry-after.ts'
import { NOW } from '../../../../support/clock.ts'

describe('Retry-After', () => {
  it.each([
    { value: '0', ms: 0 },
    { value: '3', ms: 3_000 },
    { value: ' 120 ', ms: 120_000 },
  ])('is whole seconds: "$value"', ({ value, ms }) => {
    expect(retryAfter(value, NOW)).toBe(ms)
  })

  it.each([
    { value: 'Mon, 23 Nov 2026 10:15:07 GMT', ms: 7_000 },
    { value: 'Monday, 23-Nov-26 10:15:07 GMT', ms: 7_000 },
    { value: 'Mon Nov 23 10:15:07 2026 GMT', ms: 7_000 },
    { value: 'Mon, 23 Nov 2026 10:14:59 GMT', ms: 0 },
  ])('is a date, in any of HTTP’s forms: $value', ({ value, ms }) => {
    expect(retryAfter(value, NOW)).toBe(ms)
  })

  it.each([undefined, '', ' ', '-1', '1.5', '3 seconds', '2026-11-23', 'soon', '1e3'])('is nothing else: %j', value => {
    expect(retryAfter(value, NOW)).toBeUndefined()
  })
})
