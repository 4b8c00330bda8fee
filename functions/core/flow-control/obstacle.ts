import { isOpenFor } from './circuit-breaker.ts'
import type { Policies } from './policies.ts'
import type { Ask, DeferralReason } from './port.ts'
import type { ModelState } from './state.ts'
import { marksOf } from './users.ts'

/**
 * The reason why no usual call may be made, but only a probe (one call that tests whether the model works again), and
 * not before `until` (epoch milliseconds).
 */
interface Obstacle {
  readonly because: DeferralReason
  /**
   * Whether the probe does not count as an attempt of its request. The probe of an open circuit counts, because it is a
   * usual retry. Otherwise a request that causes the failures itself would be tried until its deadline.
   */
  readonly is_free: boolean
  readonly until: number
}

/**
 * Returns the reason why only a probe may be made: a halt, the rest of a long pause after its first 15 minutes, or an
 * open circuit, in this order. Returns undefined if usual calls may be made.
 */
export function obstacleOf(state: ModelState, ask: Ask, now: number, { circuit }: Policies): Obstacle | undefined {
  const { halted, tried_until = 0, paused_until = 0, open } = state
  const isOpen = circuit !== undefined && open !== undefined && isOpenFor(state, marksOf(ask.users))
  const openUntil = isOpen ? open.until : 0
  if (halted) return { because: 'halted', is_free: true, until: Math.max(halted.until, paused_until, openUntil) }
  if (tried_until > now) return { because: 'paused', is_free: true, until: openUntil }
  return isOpen ? { because: 'open', is_free: false, until: openUntil } : undefined
}
