import type { RequestError } from '../domain/errors.ts'
import { rateExceeded } from '../domain/rate-exceeded.ts'
import type { Verdict } from './admit.ts'
import type { Prepared } from './prepare.ts'
import { quotaExceeded } from './quota-exceeded.ts'

/** Builds the error that says why a request was not admitted. */
export function refuse(verdict: Verdict & { admitted: false }, prepared: Prepared, now: number): RequestError {
  const { rate } = prepared.limits
  if (verdict.limit !== 'rate') return quotaExceeded(verdict, prepared, now)
  if (!rate) throw new Error('a request without a rate limit was refused by it')
  return rateExceeded(rate, now)
}
