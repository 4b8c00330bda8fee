import { RequestError } from './errors.ts'
import { intervalEnd, type Rate } from './rate.ts'

const INTERVALS: Readonly<Record<Rate['interval_ms'], string>> = {
  1000: 'a second',
  60000: 'a minute',
  3600000: 'an hour',
}

/** Builds the error of a call over the rate. The same call may succeed in the next interval. */
export function rateExceeded(rate: Rate, now: number): RequestError {
  const { count, interval_ms } = rate
  const retryAfterS = Math.max(1, Math.ceil((intervalEnd(rate, now) - now) / 1000))
  const sentence = `too many calls: this plan allows ${count} ${INTERVALS[interval_ms]}`
  return new RequestError('rate_exceeded', sentence, { retry_after_s: retryAfterS, rate })
}
