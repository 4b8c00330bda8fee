import type { Sleep } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import type { Random } from '../platform/random.ts'
import type { GuardStore } from './port.ts'
import type { GuardState } from './state.ts'

/** Writes that lose against other workers' before one gives way to them. */
const TRIES = 12

/** The second pause is twice as long as the first at most, and so on up to the longest. Milliseconds. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000

/** A change: the state after it, the same object if it changes nothing, and what else follows from it. */
export type Apply<T> = (before: GuardState) => { readonly state: GuardState; readonly answer: T }

export interface Replaced<T> {
  readonly before: GuardState
  readonly after: GuardState
  readonly answer: T
}

export interface ReplacePorts {
  readonly store: GuardStore
  readonly ids: Pick<Ids, 'nonce'>
  readonly sleep: Sleep
  readonly random: Random
}

/**
 * Applies a change to the latest state of a model, beginning with what is known of it, and writes it if it changes anything.
 * Who loses goes on from what won at once, and then after pauses, since those who never pause make each other lose: in them,
 * more is asked for that one write does. Undefined when others always write first. Rejects with `Unavailable`.
 */
export async function replaceState<T>(
  ports: ReplacePorts,
  model: string,
  known: GuardState,
  apply: Apply<T>,
): Promise<Replaced<T> | undefined> {
  const { store, ids } = ports
  let before = known
  for (let tries = 0; tries < TRIES; tries++) {
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

/** What is there after the nth pause: others will have written meanwhile. */
async function readLater({ store, sleep, random }: ReplacePorts, model: string, n: number) {
  await sleep(random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** n))
  return store.read(model)
}
