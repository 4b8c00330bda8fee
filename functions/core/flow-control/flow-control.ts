import type { Clock } from '../platform/clock.ts'
import { isFailedCall, Unavailable } from '../platform/unavailable.ts'
import { applyReport } from './apply-report.ts'
import { isOpenFor } from './circuit-breaker.ts'
import { type Apply, type CompareAndSwapPorts, compareAndSwap } from './compare-and-swap.ts'
import { grant } from './grant.ts'
import { createLeadTime } from './lead-time.ts'
import type { Policies } from './policies.ts'
import type { Ask, CallFailure, FailureNotes, FlowControl, ModelStateStore, Permit, Report } from './port.ts'
import { toleranceOf } from './rate-limit.ts'
import { type ModelState, UNTOUCHED } from './state.ts'
import { marksOf } from './users.ts'
import { createWitness } from './witness.ts'

/** The time for which a process uses a state that it has read, without reading the state again. Milliseconds. */
const CACHE_MS = 1_000

/**
 * The time for which calls are deferred if other workers always wrote the state first. Only one of the writes that are
 * tried at the same time succeeds. So if dozens of workers asked again at once, they would only cause more failed
 * writes. Milliseconds.
 */
const CONTENTION_DEFERRAL_MS = 5_000

/**
 * A process notes a failed call for operators at most once in this time, so that an outage causes few writes.
 * Milliseconds.
 */
const NOTE_EVERY_MS = 1_000

export interface FlowControlPorts extends CompareAndSwapPorts {
  /** Where failed calls are noted for operators. */
  readonly notes?: Pick<FailureNotes, 'note'>
  readonly clock: Clock
  /** Called with each change that this process has made, and with the state after the change. */
  readonly onChange?: OnChange
}

/** The kinds of changes: of the circuit, of a halt, or of a pause that the model has asked for. */
export type Change =
  | 'opened'
  | 'opened for all'
  | 'opened again'
  | 'closed'
  | 'paused'
  | 'halted'
  | 'halted again'
  | 'resumed'

/** Called after a change. `failure` is the failed call that has caused the change, if there is one. */
export type OnChange = (change: Change, state: ModelState, failure?: CallFailure) => void

interface Waiting extends Ask {
  readonly resolve: (permit: Permit) => void
  readonly reject: (error: unknown) => void
}

/**
 * Creates the flow control of one model. Calls through a closed circuit without a rate limit cost one read per second
 * and process. With a rate limit, all calls that are asked for at the same time need one write together.
 */
export function createFlowControl(ports: FlowControlPorts, model: string, policies: Policies): FlowControl {
  const { store, notes, clock, ids, onChange = () => undefined } = ports
  const leadTime = createLeadTime()
  const witness = createWitness()
  let known: { readonly state: ModelState; readonly at: number } | undefined
  let waiting: Waiting[] = []
  let busy = false
  let notedAt = -NOTE_EVERY_MS

  /**
   * Remembers the state that a read or a write returns, with the time at which the read or write began. Writes of other
   * workers after this time may be missing in the state. So the age of the state counts from this time.
   */
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

  /**
   * Returns the known state if it is recent, and if other workers can't have made an urgent change (`isVolatile`).
   * Otherwise it returns undefined, and the state must be read again.
   */
  function trusted(): ModelState | undefined {
    const now = clock()
    if (!known || now - known.at >= CACHE_MS) return undefined
    return isVolatile(known.state, now, policies) ? undefined : known.state
  }

  /**
   * Applies a change of the state, and calls `onChange` for each effect of it that operators should know. Returns
   * undefined if other workers always wrote first.
   */
  async function change<T>(apply: Apply<T>, failure?: CallFailure): Promise<T | undefined> {
    const base = trusted() ?? (await watched.read(model)) ?? UNTOUCHED
    const swapped = await compareAndSwap({ ...ports, store: watched }, model, base, apply)
    if (!swapped) return undefined
    for (const what of changesOf(swapped.before, swapped.after)) onChange(what, swapped.after, failure)
    return swapped.answer
  }

  async function serve(): Promise<void> {
    busy = true
    await Promise.resolve() // Calls that are asked for in the same turn of the event loop share one write.
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

  /** Notes a failed call. Only operators read the note, so if it can't be written, the call continues without it. */
  async function note(failure: CallFailure | undefined): Promise<void> {
    const now = clock()
    if (!failure || !notes || now - notedAt < NOTE_EVERY_MS) return
    notedAt = now
    try {
      await notes.note(model, { ...failure, at: now })
    } catch (error) {
      if (!isFailedCall(error)) throw error
    }
  }

  async function apply(report: Report): Promise<void> {
    if (tellsNothing(report)) return
    const changed = await change(
      state => ({ state: applyReport(state, report, clock(), policies), answer: true }),
      report.failure,
    )
    if (!changed) throw new Unavailable('the state of the model', new Error('it keeps changing'))
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
      await Promise.all([apply(witness.hear(report, clock())), note(report.failure)])
      return { halted: known?.state.halted !== undefined }
    },
    heldUntil: userId => {
      const { open, halted } = known?.state ?? {}
      const isHeld = known !== undefined && isOpenFor(known.state, marksOf([userId]))
      return Math.max((isHeld ? open?.until : undefined) ?? 0, halted?.until ?? 0) || undefined
    },
  }
}

/**
 * Returns whether other workers may have made an urgent change of a state. They may have reported further failures, or
 * a second 403. With the old state, this worker could then call a model that has an open circuit or is halted. Or they
 * may have ended the one call that a model takes at a time. With the old state, the next call would wait longer.
 */
function isVolatile({ failures, refused_by, leases }: ModelState, now: number, { circuit }: Policies): boolean {
  const counts = now - (circuit?.within_ms ?? 0)
  return failures.some(at => at > counts) || refused_by !== undefined || leases !== undefined
}

/**
 * Returns whether a report can't change any state, and so needs no read and no write. A success with users can change
 * the state, because it may show that the failures of other users come from their own requests.
 */
function tellsNothing({ findings, probe, lease, pause_until, loading, users = [] }: Report): boolean {
  if (probe !== undefined || lease !== undefined || pause_until !== undefined || loading) return false
  return findings === 'nothing' || (findings === 'healthy' && users.length === 0)
}

function changesOf(before: ModelState, after: ModelState): Change[] {
  const changes: (Change | false)[] = [
    (after.paused_until ?? 0) > (before.paused_until ?? 0) && 'paused',
    haltChangeOf(before, after),
    circuitChangeOf(before, after),
  ]
  return changes.filter(change => change !== false)
}

function haltChangeOf({ halted: before }: ModelState, { halted: after }: ModelState): Change | false {
  if (!before || !after) return !before && after ? 'halted' : before && !after ? 'resumed' : false
  return after.until !== before.until && 'halted again'
}

function circuitChangeOf(before: ModelState, after: ModelState): Change | false {
  if (!before.open || !after.open)
    return !before.open && after.open ? 'opened' : before.open && !after.open ? 'closed' : false
  if (before.open_for && !after.open_for) return 'opened for all'
  return after.open.until !== before.open.until && 'opened again'
}
