import type { ApiError } from '../domain/errors.ts'
import { rateExceeded } from '../domain/rate.ts'
import type { Verdict } from './admit.ts'
import type { Prepared } from './prepare.ts'
import { quotaExceeded } from './quota-exceeded.ts'

/** The 429 of a refused admission. */
export function refuse(verdict: Verdict & { admitted: false }, prepared: Prepared, now: number): ApiError {
  const { rate } = prepared.limits
  if (verdict.limit !== 'rate') return quotaExceeded(verdict, prepared, now)
  if (!rate) throw new Error('what has no rate was refused by it')
  return rateExceeded(rate, now)
}
