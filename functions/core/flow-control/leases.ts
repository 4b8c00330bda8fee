import type { Policies } from './policies.ts'
import type { Ask } from './port.ts'
import type { ModelState } from './state.ts'

/**
 * Returns whether a call needs a lease (the right to be the only call, which ends by itself), because the model takes
 * one call of its priority at a time.
 */
export const needsLease = ({ priority }: Ask, { one_at_a_time }: Policies): boolean =>
  priority !== undefined && one_at_a_time?.includes(priority) === true

/** Returns the lease of another call of the same priority, if this lease has not ended at the time `now`. */
export function leaseOfAnother({ leases }: ModelState, { priority, lease }: Ask, now: number) {
  const held = priority && leases?.[priority]
  return held && held.until > now && held.id !== lease ? held : undefined
}

/**
 * Gives a call the lease of its priority. The lease ends with the report of the call, or at the time when the worker of
 * the call has certainly ended.
 */
export function withLease(state: ModelState, { priority, until }: Ask, id: string, now: number): ModelState {
  if (!priority) return state
  return { ...state, leases: { ...state.leases, [priority]: { id, since: now, until } } }
}

/** Ends a lease. Returns the same object if the lease has ended before. */
export function withoutLease(state: ModelState, id: string | undefined): ModelState {
  const { leases = {}, ...rest } = state
  const left = Object.entries(leases).filter(([, lease]) => lease?.id !== id)
  if (id === undefined || left.length === Object.keys(leases).length) return state
  return left.length === 0 ? rest : { ...rest, leases: Object.fromEntries(left) }
}
