import { openFor } from './circuit-breaker.ts'
import type { Policies } from './policies.ts'
import type { HaltReason } from './port.ts'
import type { Halt, ModelState } from './state.ts'

/** The wait before the first probe of a halted model that has no circuit. Milliseconds. */
const FIRST_WAIT_MS = 30_000

/**
 * Returns the wait before the first probe of a halted model, in the form that `openFor` takes. So this wait grows with
 * each failed probe, as with a circuit.
 */
export const waitOf = ({ circuit }: Policies): { readonly open_ms: number } => circuit ?? { open_ms: FIRST_WAIT_MS }

/**
 * Halts a model, i.e. stops its calls except for probes (single calls that test it). If the model is already halted,
 * nothing changes. The failed call had begun before the halt, so it must not lengthen the wait for the next probe.
 */
export function halted(state: ModelState, why: HaltReason, now: number, policies: Policies): ModelState {
  if (state.halted) return state
  const { refused_by: _, ...rest } = state
  return { ...rest, halted: { since: now, until: now + openFor(waitOf(policies), 1), times: 1, ...storedReason(why) } }
}

/**
 * Halts a model for longer, because its probe has failed. `why` is undefined if the probe failed for a reason that does
 * not halt a model. Then the halt keeps its reason.
 */
export function haltedAgain(
  state: ModelState,
  halt: Halt,
  why: HaltReason | undefined,
  now: number,
  policies: Policies,
): ModelState {
  const times = halt.times + 1
  const reason = why && storedReason(why)
  return { ...state, halted: { ...halt, ...reason, times, until: now + openFor(waitOf(policies), times) } }
}

/** Ends a halt and a long pause of a model, and removes the note of a 403 (`refused`), because a call has succeeded. */
export function resumed(state: ModelState): ModelState {
  const { halted: _, tried_until: __, is_loading: ___, refused_by: ____, ...rest } = state
  return rest
}

/**
 * Applies a 403 of the model. The model may refuse only this user. So a first 403 only fails its request, and the state
 * notes the user. If a request of another user then gets a 403, too, with no success in between, the model refuses
 * everybody, and is halted.
 */
export function refused(
  state: ModelState,
  users: readonly number[],
  why: HaltReason,
  now: number,
  policies: Policies,
): ModelState {
  const [first] = users
  if (state.halted || first === undefined) return state
  const isOfAnother = state.refused_by !== undefined && users.some(user => user !== state.refused_by)
  if (isOfAnother || users.length > 1) return halted(state, why, now, policies)
  return state.refused_by === first ? state : { ...state, refused_by: first }
}

/** The most characters that are kept of the reason of a halt, so that the state stays small. */
const LONGEST_REASON = 240

function storedReason({ code, status, reason }: HaltReason): HaltReason {
  return { code, reason: reason.slice(0, LONGEST_REASON), ...(status === undefined ? {} : { status }) }
}
