import type { Sleep } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import type { Random } from '../platform/random.ts'
import type { ModelStateStore } from './port.ts'
import type { ModelState } from './state.ts'

/** How many writes a worker tries, if others always write first. */
const MAX_TRIES = 12

/** The bound of the first pause. It doubles per pause, up to the bound below. Milliseconds. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000

/** A change: the state after it (the same object if it changes nothing), and what the caller wants to know of it. */
export type Apply<T> = (before: ModelState) => { readonly state: ModelState; readonly answer: T }

export interface Swapped<T> {
  readonly before: ModelState
  readonly after: ModelState
  readonly answer: T
}

export interface CompareAndSwapPorts {
  readonly store: ModelStateStore
  readonly ids: Pick<Ids, 'nonce'>
  readonly sleep: Sleep
  readonly random: Random
}

/**
 * Applies a change to the latest state of a model and writes the result, if the change changes anything. It begins with
 * the state that is known. After a lost race it first tries again at once, from the state that won, and then after
 * pauses: workers that never pause make each other lose, and in a pause a worker collects more calls for its next
 * write. Returns undefined when others always wrote first. Rejects with `Unavailable`.
 */
export async function compareAndSwap<T>(
  ports: CompareAndSwapPorts,
  model: string,
  known: ModelState,
  apply: Apply<T>,
): Promise<Swapped<T> | undefined> {
  const { store, ids } = ports
  let before = known
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (tries > 1) before = (await readLater(ports, model, tries - 2)) ?? before
    const { state, answer } = apply(before)
    if (state === before) return { before, after: before, answer }
    const next = { ...state, version: before.version + 1, writer: ids.nonce() }
    const stored = await store.write(model, next)
    if (stored.writer === next.writer) return { before, after: next, answer }
    before = stored
  }
  return undefined
}

/** Reads the state after the nth pause, in which others will have written. */
async function readLater({ store, sleep, random }: CompareAndSwapPorts, model: string, n: number) {
  await sleep(random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** n))
  return store.read(model)
}
