import type { Clock } from '../platform/clock.ts'
import { Unavailable } from '../platform/unavailable.ts'
import { applyReport } from './circuit-breaker.ts'
import { type Apply, type CompareAndSwapPorts, compareAndSwap } from './compare-and-swap.ts'
import { grant } from './grant.ts'
import { createLeadTime } from './lead-time.ts'
import type { Policies } from './policies.ts'
import type { Ask, FlowControl, ModelStateStore, Permit } from './port.ts'
import { toleranceOf } from './rate-limit.ts'
import { type ModelState, UNTOUCHED } from './state.ts'

/** How long a process trusts a state that it has read. Milliseconds. */
const CACHE_MS = 1_000

/**
 * How long calls wait before they ask again when other workers always wrote first. Only one of the writes that are tried at
 * the same time succeeds, so dozens of workers that ask again at once only cause more writes. Milliseconds.
 */
const CONTENTION_DEFERRAL_MS = 5_000

export interface FlowControlPorts extends CompareAndSwapPorts {
  readonly clock: Clock
  /** Called with each change that this process has made, and the state after it. */
  readonly onChange?: OnChange
}

/** What has changed: the circuit, or the model has asked for a pause. */
export type Change = 'opened' | 'opened again' | 'closed' | 'paused'

export type OnChange = (change: Change, state: ModelState) => void

interface Waiting extends Ask {
  readonly resolve: (permit: Permit) => void
  readonly reject: (error: unknown) => void
}

/**
 * Creates the flow control of one model. Calls through a closed circuit without a rate limit cost one read per second and
 * process. With a rate limit, all calls that are asked for at once cost one write together.
 */
export function createFlowControl(ports: FlowControlPorts, model: string, policies: Policies): FlowControl {
  const { store, clock, ids, onChange = () => undefined } = ports
  const leadTime = createLeadTime()
  let known: { readonly state: ModelState; readonly at: number } | undefined
  let waiting: Waiting[] = []
  let busy = false

  /** Remembers a state as of the time when it was asked for: what others wrote after that is not in it. */
  async function seen<T extends ModelState | undefined>(ask: () => Promise<T>): Promise<T> {
    const at = clock()
    const state = await ask()
    known = { state: state ?? UNTOUCHED, at }
    return state
  }
  const watched: ModelStateStore = {
    read: name => seen(() => store.read(name)),
    write: (name, next) => seen(() => store.write(name, next)),
  }

  /** The known state, if it is recent. After a failure that counts it is not trusted, because others may have seen more failures. */
  function trusted(): ModelState | undefined {
    const now = clock()
    if (!known || now - known.at >= CACHE_MS) return undefined
    const counts = now - (policies.circuit?.within_ms ?? 0)
    return known.state.failures.some(at => at > counts) ? undefined : known.state
  }

  /** Undefined when other workers always wrote first. */
  async function change<T>(apply: Apply<T>): Promise<T | undefined> {
    const base = trusted() ?? (await watched.read(model)) ?? UNTOUCHED
    const swapped = await compareAndSwap({ ...ports, store: watched }, model, base, apply)
    if (!swapped) return undefined
    for (const what of changesOf(swapped.before, swapped.after)) onChange(what, swapped.after)
    return swapped.answer
  }

  async function serve(): Promise<void> {
    busy = true
    await Promise.resolve() // calls that are asked for in the same turn of the event loop share one write
    while (waiting.length > 0) {
      const asks = waiting
      waiting = []
      try {
        const id = ids.nonce()
        const permits = await change(state => {
          const granted = grant(state, asks, { now: clock(), lead_time: leadTime.now(), id }, policies)
          return { state: granted.state, answer: granted.permits }
        })
        const deferred: Permit = { granted: false, until: clock() + CONTENTION_DEFERRAL_MS, because: 'rate limited' }
        for (const [i, { resolve }] of asks.entries()) resolve(permits?.[i] ?? deferred)
      } catch (error) {
        for (const { reject } of asks) reject(error)
      }
    }
    busy = false
  }

  return {
    permit: ask =>
      new Promise((resolve, reject) => {
        leadTime.learn(ask.took)
        waiting.push({ ...ask, resolve, reject })
        if (!busy) void serve()
      }),
    isLate: at => clock() > at + (policies.rate_limit ? toleranceOf(policies.rate_limit) : CACHE_MS),
    report: async report => {
      const { findings, probe, pause_until } = report
      const tellsNothing = typeof findings === 'string' && probe === undefined && pause_until === undefined
      if (tellsNothing) return
      const told = await change(state => ({ state: applyReport(state, report, clock(), policies), answer: true }))
      if (!told) throw new Unavailable('the state of the model', new Error('it keeps changing'))
    },
    openUntil: () => known?.state.open?.until,
  }
}

function changesOf(before: ModelState, after: ModelState): Change[] {
  const changes: Change[] = []
  if ((after.paused_until ?? 0) > (before.paused_until ?? 0)) changes.push('paused')
  if (after.open && after.open.until !== before.open?.until) changes.push(before.open ? 'opened again' : 'opened')
  if (before.open && !after.open) changes.push('closed')
  return changes
}
