import type { Clock } from '../platform/clock.ts'
import { Unavailable } from '../platform/unavailable.ts'
import { afterReport } from './after-report.ts'
import { type Apply, type ReplacePorts, replaceState } from './compare-and-swap.ts'
import { grant } from './grant.ts'
import { createLead } from './lead-time.ts'
import type { Policies } from './policies.ts'
import type { Ask, Guard, GuardStore, Permit } from './port.ts'
import { toleranceOf } from './rate-limit.ts'
import { type GuardState, UNTOUCHED } from './state.ts'

/** How long a process believes what it has read, in milliseconds. */
const CACHE_MS = 1_000

/**
 * How long calls wait before they ask again, if others always wrote first, in milliseconds: of workers that ask at once, one
 * write succeeds at a time, so dozens would only cost each other more writes.
 */
const CROWDED_MS = 5_000

export interface GuardPorts extends ReplacePorts {
  readonly clock: Clock
  /** Told of each change that this process has made, and of the state since then. */
  readonly onChange?: OnChange
}

/** How a circuit has changed, or that the model has asked for a pause. */
export type Change = 'opened' | 'opened again' | 'closed' | 'paused'

export type OnChange = (change: Change, state: GuardState) => void

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
  const lead = createLead()
  let known: { readonly state: GuardState; readonly at: number } | undefined
  let waiting: Waiting[] = []
  let busy = false

  /** Remembers what it has seen, as of when it asked: what others have written since then is not in it. */
  async function seen<T extends GuardState | undefined>(ask: () => Promise<T>): Promise<T> {
    const at = clock()
    const state = await ask()
    known = { state: state ?? UNTOUCHED, at }
    return state
  }
  const watched: GuardStore = {
    read: name => seen(() => store.read(name)),
    write: (name, next) => seen(() => store.write(name, next)),
  }

  /** What is known well enough to go by: after a failure that counts, others may have seen more of them. */
  function believed(): GuardState | undefined {
    const now = clock()
    if (!known || now - known.at >= CACHE_MS) return undefined
    const counts = now - (policies.circuit?.within_ms ?? 0)
    return known.state.failures.some(at => at > counts) ? undefined : known.state
  }

  /** Undefined when others always write first. */
  async function change<T>(apply: Apply<T>): Promise<T | undefined> {
    const base = believed() ?? (await watched.read(model)) ?? UNTOUCHED
    const replaced = await replaceState({ ...ports, store: watched }, model, base, apply)
    if (!replaced) return undefined
    for (const what of changesOf(replaced.before, replaced.after)) onChange(what, replaced.after)
    return replaced.answer
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
          const granted = grant(state, asks, { now: clock(), lead: lead.now(), id }, policies)
          return { state: granted.state, answer: granted.permits }
        })
        const crowded: Permit = { granted: false, until: clock() + CROWDED_MS, because: 'rate limited' }
        for (const [i, { resolve }] of asks.entries()) resolve(permits?.[i] ?? crowded)
      } catch (error) {
        for (const { reject } of asks) reject(error)
      }
    }
    busy = false
  }

  return {
    permit: ask =>
      new Promise((resolve, reject) => {
        lead.learn(ask.took)
        waiting.push({ ...ask, resolve, reject })
        if (!busy) void serve()
      }),
    isLate: at => clock() > at + (policies.rate_limit ? toleranceOf(policies.rate_limit) : CACHE_MS),
    report: async report => {
      const { findings, probe, pause_until } = report
      const tellsNothing = typeof findings === 'string' && probe === undefined && pause_until === undefined
      if (tellsNothing) return
      const told = await change(state => ({ state: afterReport(state, report, clock(), policies), answer: true }))
      if (!told) throw new Unavailable('the state of the model', new Error('it keeps changing'))
    },
    openUntil: () => known?.state.open?.until,
  }
}

function changesOf(before: GuardState, after: GuardState): Change[] {
  const changes: Change[] = []
  if ((after.paused_until ?? 0) > (before.paused_until ?? 0)) changes.push('paused')
  if (after.open && after.open.until !== before.open?.until) changes.push(before.open ? 'opened again' : 'opened')
  if (before.open && !after.open) changes.push('closed')
  return changes
}
