import { isOpenFor } from './circuit-breaker.ts'
import type { Policies } from './policies.ts'
import type { Ask, DeferralReason } from './port.ts'
import type { ModelState } from './state.ts'
import { marksOf } from './users.ts'

/** Why a call may be made as a probe only, and not before `until`, epoch milliseconds. */
interface Obstacle {
  readonly because: DeferralReason
  /** Whether the probe spends no attempt. A probe of a circuit does: it is a retry like others. */
  readonly is_free: boolean
  readonly until: number
}

/** What allows only a probe: a halt, the rest of a long pause, or an open circuit. The first of these is named. */
export function obstacleOf(state: ModelState, ask: Ask, now: number, { circuit }: Policies): Obstacle | undefined {
  const { halted, tried_until = 0, paused_until = 0, open } = state
  const isOpen = circuit !== undefined && open !== undefined && isOpenFor(state, marksOf(ask.users))
  const openUntil = isOpen ? open.until : 0
  if (halted) return { because: 'halted', is_free: true, until: Math.max(halted.until, paused_until, openUntil) }
  if (tried_until > now) return { because: 'paused', is_free: true, until: openUntil }
  return isOpen ? { because: 'open', is_free: false, until: openUntil } : undefined
}
