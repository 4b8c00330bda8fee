import type { Report } from './port.ts'
import type { ModelState } from './state.ts'

/**
 * The longest time for which a pause that a model has asked for stops all of its calls. After this time, the model gets
 * one probe at a time, i.e. one call that tests whether it answers again. Milliseconds.
 */
export const LONGEST_PAUSE_MS = 15 * 60_000

/** The time after which a loading model gets the next probe. Milliseconds. */
const LOADING_PAUSE_MS = 5_000

/**
 * Notes the pause that a model has asked for. If the pause is longer than `LONGEST_PAUSE_MS`, the state also keeps its
 * end, in `tried_until`. After `LONGEST_PAUSE_MS`, the model gets only probes until this end.
 */
export function paused(state: ModelState, { pause_until = 0, loading }: Report, now: number): ModelState {
  const until = Math.max(pause_until, loading ? now + LOADING_PAUSE_MS : 0)
  const next = Math.max(state.paused_until ?? 0, Math.min(until, now + LONGEST_PAUSE_MS))
  const tried = Math.max(state.tried_until ?? 0, loading ? now + LONGEST_PAUSE_MS : 0, until > next ? until : 0)
  if (next === (state.paused_until ?? 0) && tried === (state.tried_until ?? 0)) return state
  const { is_loading, ...rest } = state
  const isLoading = loading || (is_loading && until <= next)
  return {
    ...rest,
    paused_until: next,
    ...(tried > 0 ? { tried_until: tried } : {}),
    ...(isLoading ? { is_loading: true } : {}),
  }
}

/**
 * Lets a long pause go on until the next probe, because a probe has failed. A model that was loading gets its next probe
 * after `LOADING_PAUSE_MS`, as after an answer that it is loading. Its server may, for example, refuse connections while
 * it starts.
 */
export function pausedForLonger(state: ModelState, now: number): ModelState {
  const { tried_until = 0, paused_until = 0, is_loading } = state
  if (tried_until <= now) return state
  const wait = is_loading && tried_until <= now + LONGEST_PAUSE_MS ? LOADING_PAUSE_MS : LONGEST_PAUSE_MS
  return { ...state, paused_until: Math.max(paused_until, Math.min(tried_until, now + wait)) }
}

/**
 * Removes a long pause that is over, because version 0.1.0 can't read a state with `tried_until`, and could not call
 * the model after a rollback. Returns the same object if no long pause is over.
 */
export function withoutOldPause(state: ModelState, now: number): ModelState {
  const { tried_until, is_loading: _, ...rest } = state
  return tried_until === undefined || tried_until > now ? state : rest
}
