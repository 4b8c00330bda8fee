import type { Ids } from '../platform/ids.ts'
import type { GuardStore } from './port.ts'
import type { GuardState } from './state.ts'

/** Writes that lose against other workers' before one gives way to them. */
const TRIES = 20

/** A change: the state after it, the same object if it changes nothing, and what else follows from it. */
export type Apply<T> = (before: GuardState) => { readonly state: GuardState; readonly answer: T }

export interface Replaced<T> {
  readonly before: GuardState
  readonly after: GuardState
  readonly answer: T
}

/**
 * Applies a change to the latest state of a model, beginning with what is known of it, and writes it if it changes anything.
 * Undefined when others always write first. Rejects with `Unavailable`.
 */
export async function replaceState<T>(
  { store, ids }: { readonly store: GuardStore; readonly ids: Pick<Ids, 'nonce'> },
  model: string,
  known: GuardState,
  apply: Apply<T>,
): Promise<Replaced<T> | undefined> {
  let before = known
  for (let tries = 0; tries < TRIES; tries++) {
    const { state, answer } = apply(before)
    if (state === before) return { before, after: before, answer }
    const next = { ...state, version: before.version + 1, writer: ids.nonce() }
    const stored = await store.write(model, next)
    if (stored.writer === next.writer) return { before, after: next, answer }
    before = stored
  }
  return undefined
}
