import { describe, expect, it } from 'vitest'
import { retryAfter } from '../../../../../functions/core/inference/retry-after.ts'
import { NOW } from '../../../../support/clock.ts'

const waitOf = (value: string | undefined) => retryAfter(value === undefined ? {} : { 'retry-after': value }, NOW)

describe('Retry-After', () => {
  it.each([
    { value: '0', ms: 0 },
    { value: '3', ms: 3_000 },
    { value: ' 120 ', ms: 120_000 },
    { value: '1764236400000000', ms: 7 * 24 * 3_600_000 },
    { value: '9'.repeat(400), ms: 7 * 24 * 3_600_000 },
  ])('is a number of whole seconds: "$value"', ({ value, ms }) => {
    expect(waitOf(value)).toBe(ms)
  })

  it.each([
    { value: 'Mon, 23 Nov 2026 10:15:07 GMT', ms: 7_000 },
    { value: 'Monday, 23-Nov-26 10:15:07 GMT', ms: 7_000 },
    { value: 'Mon Nov 23 10:15:07 2026 GMT', ms: 7_000 },
    { value: 'Mon Nov 23 10:15:07 2026', ms: 7_000 },
    { value: 'Mon, 23 Nov 2026 10:14:59 GMT', ms: 0 },
  ])('Retry-After may be a date in any of the three forms of HTTP: $value', ({ value, ms }) => {
    expect(waitOf(value)).toBe(ms)
  })

  it.each([
    { value: '1.5', ms: 2_000 },
    { value: '0.25', ms: 1_000 },
    { value: '7.0', ms: 7_000 },
  ])('Retry-After may be a number of seconds with a fraction, rounded up: $value', ({ value, ms }) => {
    expect(waitOf(value)).toBe(ms)
  })

  it.each([
    { value: '3, 120', ms: 120_000 },
    { value: '120, Mon, 23 Nov 2026 10:15:07 GMT', ms: 120_000 },
    { value: 'Mon, 23 Nov 2026 10:15:07 GMT, 3', ms: 7_000 },
    { value: 'soon, 3', ms: 3_000 },
  ])('if Retry-After has several values, the longest counts: $value', ({ value, ms }) => {
    expect(waitOf(value)).toBe(ms)
  })

  it.each([
    { headers: { 'retry-after-ms': '250' }, ms: 250 },
    { headers: { 'retry-after-ms': '12.5' }, ms: 13 },
    { headers: { 'retry-after-ms': 'soon' }, ms: undefined },
    { headers: { 'retry-after-ms': '1500', 'retry-after': '1' }, ms: 1_500 },
    { headers: { 'retry-after-ms': '1500', 'retry-after': '30s' }, ms: 1_500 },
  ])('the wait may be in milliseconds, in the header retry-after-ms: $headers', ({ headers, ms }) => {
    expect(retryAfter(headers, NOW)).toBe(ms)
  })

  it.each([
    undefined,
    '',
    ' ',
    '-1',
    '.5',
    '30s',
    'May 5',
    'Mon, 23',
    'Mon, 23 Nov 2026',
    '3 seconds',
    '2026-11-23',
    'soon',
    '1e3',
  ])('Retry-After is ignored in any other form: %j', value => {
    expect(waitOf(value)).toBeUndefined()
  })
})
