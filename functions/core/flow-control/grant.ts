import { dropAbandoned, joinBacklog, MAX_SLOT_AHEAD_MS, noteReturn, RETURN_AHEAD_MS } from './backlog.ts'
import { askAgainAt } from './circuit-breaker.ts'
import { waitOf } from './halt.ts'
import { leaseOfAnother, needsLease, withLease } from './leases.ts'
import { obstacleOf } from './obstacle.ts'
import type { Policies } from './policies.ts'
import type { Ask, Permit } from './port.ts'
import { MAX_SLOT_WAIT_MS, nextSlot, toleranceOf, withSlot } from './rate-limit.ts'
import type { ModelState } from './state.ts'

/** The longest deferral of a message. It is the longest delay that a queue allows. Milliseconds. */
const MAX_DEFERRAL_MS = 900_000

/**
 * A slot counts as immediate if it is at most this much later than the end of the lead time. A call may take an
 * immediate slot although other requests wait in the backlog. Milliseconds.
 */
const MAX_IMMEDIATE_DELAY_MS = 500

/**
 * The moment at which permits are asked for. `now` is the time in epoch milliseconds. `lead_time` is the shortest time
 * from `now` to a slot, in milliseconds: the worker needs it to claim the request. `id` becomes the id of a new probe
 * or lease.
 */
export interface Moment {
  readonly now: number
  readonly lead_time: number
  readonly id: string
}

/**
 * Decides on the permits of calls that are asked for together, in their order. Returns the same state object if nothing
 * changed, so that nothing is written.
 */
export function grant(
  before: ModelState,
  asks: readonly Ask[],
  { now, id, lead_time }: Moment,
  policies: Policies,
): { state: ModelState; permits: Permit[] } {
  let state = before
  const permits = asks.map((ask): Permit => {
    const deferral = deferralOf(state, ask, now, policies)
    if (deferral) return deferral
    const { permit, ...booked } = bookSlot(state, ask, { now, lead_time }, policies)
    if (booked.calls !== state.calls || booked.backlog !== state.backlog) state = { ...state, ...booked }
    // If the slot is too far ahead to wait for it, the worker defers the message, and asks again at the time of the
    // slot. So the call gets no lease and no probe now. Otherwise it would keep other calls from the model until its
    // slot.
    if (!permit.granted || permit.at > now + MAX_SLOT_WAIT_MS) return permit
    const taken = take(state, ask, { now, id }, policies)
    state = taken.state
    return { ...permit, ...taken.with }
  })
  return { state, permits }
}

/**
 * Prepares a call that may be made soon. If the model takes one call of the call's priority at a time, the call gets
 * the lease. If only a probe may be made, the call becomes the probe.
 */
function take(state: ModelState, ask: Ask, { now, id }: Omit<Moment, 'lead_time'>, policies: Policies) {
  const obstacle = obstacleOf(state, ask, now, policies)
  const probe = obstacle && (isKept(ask.probe, state.probe) ? ask.probe : id)
  const lease = needsLease(ask, policies) ? (ask.lease ?? id) : undefined
  const isHeld = lease !== undefined && ask.priority && state.leases?.[ask.priority]?.id === lease
  const leased = lease === undefined || isHeld ? state : withLease(state, ask, lease, now)
  const probed = probe === undefined || probe === ask.probe ? leased : withProbe(leased, ask, probe, now)
  return {
    state: probed,
    with: {
      ...(obstacle && { probe, ...(obstacle.is_free && { is_free: true as const }) }),
      ...(lease !== undefined && { lease }),
    },
  }
}

const isKept = (id: string | undefined, probe: ModelState['probe']): boolean => id !== undefined && probe?.id === id

const withProbe = (state: ModelState, { until }: Ask, id: string, now: number): ModelState => ({
  ...state,
  probe: { id, since: now, until },
})

/**
 * Returns the deferral of a call, if a pause, a halt, an open circuit or another running call prevents it now. Returns
 * undefined otherwise.
 */
function deferralOf(
  state: ModelState,
  ask: Ask,
  now: number,
  policies: Policies,
): (Permit & { granted: false }) | undefined {
  const { paused_until = 0, halted, probe } = state
  if (paused_until > now && !halted) return { granted: false, until: paused_until, because: 'paused' }
  const obstacle = obstacleOf(state, ask, now, policies)
  if (obstacle) {
    const { because } = obstacle
    if (obstacle.until > now) return { granted: false, until: obstacle.until, because }
    if (probe && probe.until > now && !isKept(ask.probe, probe))
      return { granted: false, until: askAgainAt(probe.since, now, waitOf(policies)), because }
  }
  const lease = needsLease(ask, policies) ? leaseOfAnother(state, ask, now) : undefined
  return lease && { granted: false, until: askAgainAt(lease.since, now, LONGEST_TURN), because: 'busy' }
}

/**
 * The longest wait before a call asks again, if the model takes one call of its priority at a time and another one is
 * running. Milliseconds.
 */
const LONGEST_TURN = { open_ms: 10_000 }

/** The decision of the rate limit on a call, and the rate limit's log and backlog afterwards. */
type Booked = Pick<ModelState, 'calls' | 'backlog'> & { readonly permit: Permit }

function bookSlot(
  state: ModelState,
  { slot, ...ask }: Ask,
  { now, lead_time }: Omit<Moment, 'id'>,
  { rate_limit }: Policies,
): Booked {
  const { calls } = state
  if (!rate_limit) return { permit: { granted: true, at: now }, calls, backlog: state.backlog }
  if (slot !== undefined && now <= slot + toleranceOf(rate_limit))
    return { permit: { granted: true, at: slot }, calls, backlog: state.backlog }
  const backlog = dropAbandoned(state.backlog, now, rate_limit)
  const at = nextSlot(calls, now + lead_time, rate_limit)
  const isFar = at > now + (ask.backlog ? MAX_SLOT_AHEAD_MS : MAX_DEFERRAL_MS)
  // A call may take an immediate slot even if requests wait in the backlog. The requests of the backlog whose expected
  // slots are near have already been delivered again, and have asked for their slots. So they lose no slot.
  const isImmediate = at <= now + lead_time + MAX_IMMEDIATE_DELAY_MS
  const isFirst = ask.backlog !== 'joins' || isImmediate || !backlog || backlog.slot - RETURN_AHEAD_MS <= now
  if (!isFar && isFirst) {
    const permit = { granted: true, at } as const
    return {
      permit,
      calls: withSlot(calls, at, rate_limit),
      backlog: ask.backlog === 'has waited' ? noteReturn(backlog, now) : backlog,
    }
  }
  const next = ask.backlog === 'joins' ? joinBacklog(backlog, at, rate_limit) : backlog
  const back = (ask.backlog === 'joins' && next ? next.slot : at) - RETURN_AHEAD_MS
  if (back <= now + MAX_DEFERRAL_MS)
    return { permit: rateLimited(back, ask.backlog !== undefined), calls, backlog: next }
  return { permit: rateLimited(now + MAX_DEFERRAL_MS, false), calls, backlog }
}

const rateLimited = (until: number, isInBacklog: boolean): Permit => ({
  granted: false,
  until,
  because: 'rate limited',
  isInBacklog,
})
