import { BACK_MS, HORIZON_MS, heardOf, joined, standing } from './backlog.ts'
import { afterProbing } from './circuit-breaker.ts'
import type { Policies } from './policies.ts'
import type { Ask, Permit } from './port.ts'
import { nextTurn, SOON_MS, toleranceOf, withTurn } from './rate-limit.ts'
import type { GuardState } from './state.ts'

/** Nobody is sent away for longer than a queue can hold a message back. Milliseconds. */
const LONGEST_WAIT_MS = 900_000

/** A turn that is hardly further ahead than it has to be is one at once. Milliseconds. */
const AT_ONCE_MS = 500

/** When calls are asked for (epoch milliseconds), and how far ahead their turns are to be, at least; a new probe's id. */
export interface Moment {
  readonly now: number
  readonly lead: number
  readonly id: string
}

/** What the calls that are asked for in one go get, in their order. The state is the same object if nothing changed. */
export function grant(
  before: GuardState,
  asks: readonly Ask[],
  { now, id, lead }: Moment,
  policies: Policies,
): { state: GuardState; permits: Permit[] } {
  let state = before
  const permits = asks.map((ask): Permit => {
    const hindrance = hindranceOf(state, ask, now, policies)
    if (hindrance) return hindrance
    const { permit, ...noted } = turnOf(state, ask, { now, lead }, policies)
    if (noted.calls !== state.calls || noted.line !== state.line) state = { ...state, ...noted }
    if (!permit.granted || !state.open || !policies.circuit) return permit
    // One that is sent back to wait for its turn will ask again.
    if (permit.at > now + SOON_MS) return permit
    if (ask.probe !== undefined && state.probe?.id === ask.probe) return { ...permit, probe: ask.probe }
    state = { ...state, probe: { id, since: now, until: ask.until } }
    return { ...permit, probe: id }
  })
  return { state, permits }
}

function hindranceOf(
  { paused_until = 0, open, probe }: GuardState,
  ask: Ask,
  now: number,
  { circuit }: Policies,
): (Permit & { granted: false }) | undefined {
  if (paused_until > now) return { granted: false, until: paused_until, because: 'paused' }
  if (!circuit || !open) return undefined
  if (open.until > now) return { granted: false, until: open.until, because: 'open' }
  if (!probe || probe.until <= now || probe.id === ask.probe) return undefined
  return { granted: false, until: afterProbing(probe.since, now, circuit), because: 'open' }
}

type Noted = Pick<GuardState, 'calls' | 'line'> & { readonly permit: Permit }

function turnOf(
  state: GuardState,
  { turn, ...ask }: Ask,
  { now, lead }: Omit<Moment, 'id'>,
  { rate_limit }: Policies,
): Noted {
  const { calls } = state
  if (!rate_limit) return { permit: { granted: true, at: now }, calls, line: state.line }
  if (turn !== undefined && now <= turn + toleranceOf(rate_limit))
    return { permit: { granted: true, at: turn }, calls, line: state.line }
  const line = standing(state.line, now, rate_limit)
  const at = nextTurn(calls, now + lead, rate_limit)
  const isFar = at > now + (ask.line ? HORIZON_MS : LONGEST_WAIT_MS)
  // Who finds a turn at once waits for nobody: those in the line whose time it is come back sooner before it.
  const isAtOnce = at <= now + lead + AT_ONCE_MS
  const isFirst = ask.line !== 'joins' || isAtOnce || !line || line.turn - BACK_MS <= now
  if (!isFar && isFirst) {
    const permit = { granted: true, at } as const
    return {
      permit,
      calls: withTurn(calls, at, rate_limit),
      line: ask.line === 'has waited' ? heardOf(line, now) : line,
    }
  }
  const next = ask.line === 'joins' ? joined(line, at, rate_limit) : line
  const back = (ask.line === 'joins' && next ? next.turn : at) - BACK_MS
  if (back <= now + LONGEST_WAIT_MS) return { permit: rateLimited(back, ask.line !== undefined), calls, line: next }
  return { permit: rateLimited(now + LONGEST_WAIT_MS, false), calls, line }
}

const rateLimited = (until: number, isInLine: boolean): Permit => ({
  granted: false,
  until,
  because: 'rate limited',
  isInLine,
})
