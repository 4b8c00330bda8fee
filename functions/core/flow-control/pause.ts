import type { Report } from './port.ts'
import type { ModelState } from './state.ts'

/** The longest time for which a model is not called because it has asked for that. After it, one call at a time tries it. Milliseconds. */
export const LONGEST_PAUSE_MS = 15 * 60_000

/** A model that is loading is tried again after this time. Milliseconds. */
const LOADING_PAUSE_MS = 5_000

/** Notes the pause that a model has asked for. A longer pause than the longest is kept, too: until its end, the model is only tried. */
export function paused(state: ModelState, { pause_until = 0, loading }: Report, now: number): ModelState {
  const until = Math.max(pause_until, loading ? now + LOADING_PAUSE_MS : 0)
  const next = Math.max(state.paused_until ?? 0, Math.min(until, now + LONGEST_PAUSE_MS))
  const tried = Math.max(state.tried_until ?? 0, loading ? now + LONGEST_PAUSE_MS : 0, until > next ? until : 0)
  if (next === (state.paused_until ?? 0) && tried === (state.tried_until ?? 0)) return state
  return { ...state, paused_until: next, ...(tried > 0 ? { tried_until: tried } : {}) }
}

/** The model has failed when it was tried in a long pause: the pause goes on. */
export function pausedForLonger(state: ModelState, now: number): ModelState {
  const { tried_until = 0, paused_until = 0 } = state
  if (tried_until <= now) return state
  return { ...state, paused_until: Math.max(paused_until, Math.min(tried_until, now + LONGEST_PAUSE_MS)) }
}

/** Forgets a long pause that is over. The same object if there is none. */
export function withoutOldPause(state: ModelState, now: number): ModelState {
  const { tried_until, ...rest } = state
  return tried_until === undefined || tried_until > now ? state : rest
}
