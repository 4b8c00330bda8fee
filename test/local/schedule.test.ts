import { afterEach, expect, test, vi } from 'vitest'
import { rateMs, startSchedule } from '../../lib/local/schedule.ts'

afterEach(() => vi.useRealTimers())

test.for([
  ['rate(1 minute)', 60_000],
  ['rate(5 minutes)', 300_000],
  ['rate(2 hours)', 7_200_000],
  ['rate(1 day)', 86_400_000],
] as const)('the schedule %s runs every %i ms', ([expression, ms]) => {
  expect(rateMs(expression, 'Rule')).toBe(ms)
})

test.for(['cron(0 12 * * ? *)', 'rate(0 minutes)', 'rate(5 seconds)', 'at(2026-11-23T10:00:00)'])(
  'the schedule %s is refused',
  expression => {
    expect(() => rateMs(expression, 'Rule')).toThrow(`Rule: schedule ${expression} is not supported`)
  },
)

test('a schedule invokes its function at its rate until the schedule is stopped', () => {
  vi.useFakeTimers()
  const run = vi.fn()
  const schedule = startSchedule(60_000, run)

  vi.advanceTimersByTime(59_999)
  expect(run).toHaveBeenCalledTimes(0)
  vi.advanceTimersByTime(60_001)
  expect(run).toHaveBeenCalledTimes(2)
  schedule.stop()
  vi.advanceTimersByTime(600_000)
  expect(run).toHaveBeenCalledTimes(2)
})
