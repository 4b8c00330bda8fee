import type { Sleep } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import type { Random } from '../platform/random.ts'
import type { ModelStateStore } from './port.ts'
import type { ModelState } from './state.ts'

/**
 * The most writes that a worker tries if other workers always write first. After them, calls that ask for a permit are
 * deferred, and a report fails.
 */
const MAX_TRIES = 12

/**
 * The pauses between two tries have a random length, so that the workers do not write at the same moment again. In
 * milliseconds. The first pause has at most `FIRST_PAUSE_MS`. This limit doubles with each pause, up to
 * `LONGEST_PAUSE_MS`.
 */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000

/**
 * A change of a state. It returns the state after the change, and an answer for the caller. If nothing changes, it
 * returns the same state object.
 */
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
 * Applies a change to the latest state of a model, and writes the result if it differs. The first try begins with the
 * known state. If another worker has written first, the second try begins at once with that worker's state. Further
 * tries come after pauses. Without pauses, most writes would fail, because another worker was faster, and DynamoDB
 * limits and bills failed writes, too. During a pause, a worker also collects more calls for its next write. Returns
 * undefined if other workers always wrote first. Rejects with `Unavailable` if the service can't be reached.
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

/**
 * Pauses for the nth time, and then reads the state, because other workers have probably written it during the pause. A
 * write that builds on an older state would fail.
 */
async function readLater({ store, sleep, random }: CompareAndSwapPorts, model: string, n: number) {
  await sleep(random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** n))
  return store.read(model)
}
