import type { Clock } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import { Unavailable } from '../platform/unavailable.ts'
import type { Policies } from './policies.ts'
import type { Ask, Guard, GuardStore, Permit } from './port.ts'
import { toleranceOf } from './rate-limit.ts'
import { admit, afterReport, type GuardState, UNTOUCHED } from './state.ts'

/** How long a process believes what it has read, in milliseconds. */
const CACHE_MS = 1_000

/** Writes that lose against other workers' before the guard counts as unavailable. */
const TRIES = 20

export interface GuardPorts {
  readonly store: GuardStore
  readonly clock: Clock
  readonly ids: Pick<Ids, 'nonce'>
  /** Told of each change that this process has made. */
  readonly onChange?: (change: Change) => void
}

/** How a circuit has changed, or that the model has asked for a pause. */
export type Change = 'opened' | 'opened again' | 'closed' | 'paused'

interface Waiting extends Ask {
  readonly resolve: (permit: Permit) => void
  readonly reject: (error: unknown) => void
}

/**
 * The guard of one model. A call through a closed circuit without a rate limit costs a read a second and process; with a
 * limit, the calls that are asked for at once cost one write.
 */
export function createGuard(ports: GuardPorts, model: string, policies: Policies): Guard {
  const { store, clock, ids, onChange = () => undefined } = ports
  let known: { readonly state: GuardState; readonly at: number } | undefined
  let waiting: Waiting[] = []
  let busy = false

  async function read(): Promise<GuardState> {
    const at = clock()
    const state = (await store.read(model)) ?? UNTOUCHED
    known = { state, at }
    return state
  }

  /** What is known well enough to go by: after a failure, others may have seen more of them. */
  const believed = (): GuardState | undefined =>
    known && clock() - known.at < CACHE_MS && known.state.failures.length === 0 ? known.state : undefined

  /** Applies a change to the latest state, and writes it if it changes anything. */
  async function change<T>(apply: (state: GuardState) => { state: GuardState; answer: T }): Promise<T> {
    let base = believed() ?? (await read())
    for (let tries = 0; tries < TRIES; tries++) {
      const { state, answer } = apply(base)
      if (state === base) return answer
      const next = { ...state, version: base.version + 1, writer: ids.nonce() }
      const stored = await store.write(model, next)
      known = { state: stored, at: clock() }
      if (stored.writer === next.writer) {
        for (const what of changesOf(base, next)) onChange(what)
        return answer
      }
      base = stored
    }
    throw new Unavailable('the guard of the model', new Error('it keeps changing'))
  }

  async function serve(): Promise<void> {
    busy = true
    await Promise.resolve() // what is asked in the same turn is written together
    while (waiting.length > 0) {
      const asks = waiting
      waiting = []
      try {
        const id = ids.nonce()
        const permits = await change(state => {
          const admitted = admit(state, asks, { now: clock(), id }, policies)
          return { state: admitted.state, answer: admitted.permits }
        })
        for (const [i, { resolve, reject }] of asks.entries()) {
          const permit = permits[i]
          if (permit) resolve(permit)
          else reject(new Error('an ask without an answer'))
        }
      } catch (error) {
        for (const { reject } of asks) reject(error)
      }
    }
    busy = false
  }

  return {
    permit: ask =>
      new Promise((resolve, reject) => {
        waiting.push({ ...ask, resolve, reject })
        if (!busy) void serve()
      }),
    isLate: at => clock() > at + (policies.rate_limit ? toleranceOf(policies.rate_limit) : CACHE_MS),
    report: async report => {
      const tellsNothing = report.succeeded !== false && report.probe === undefined && report.pause_until === undefined
      if (tellsNothing) return
      await change(state => ({ state: afterReport(state, report, clock(), policies), answer: undefined }))
    },
  }
}

function changesOf(before: GuardState, after: GuardState): Change[] {
  const changes: Change[] = []
  if ((after.paused_until ?? 0) > (before.paused_until ?? 0)) changes.push('paused')
  if (after.open && after.open.until !== before.open?.until) changes.push(before.open ? 'opened again' : 'opened')
  if (before.open && !after.open) changes.push('closed')
  return changes
}
