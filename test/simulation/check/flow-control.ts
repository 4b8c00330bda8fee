import { unmarshall } from '@aws-sdk/util-dynamodb'
import type { Priority } from '../../../functions/core/domain/ids.ts'
import { fromStoredFailures } from '../../../functions/core/flow-control/failed-calls.ts'
import type { Ask, FlowControl, Permit, Report } from '../../../functions/core/flow-control/port.ts'
import type { ModelState } from '../../../functions/core/flow-control/state.ts'
import { markOf } from '../../../functions/core/flow-control/users.ts'
import type { Reply } from '../../../functions/core/inference/port.ts'
import type { Invocation } from '../invocation.ts'
import type { Refusal } from '../model-answers.ts'
import type { Item } from '../models/expression.ts'
import type { WorkerSettings } from '../policies.ts'
import type { Known } from './known.ts'

/** A call of the model. It is over when its worker has the answer. */
export interface MadeCall {
  readonly by: Invocation
  readonly priority: Priority | undefined
  readonly at: number
  readonly probe: Probe | undefined
  /** True if the call is a probe of a model that is halted or in a long pause. */
  readonly isFreeProbe: boolean
  isOver: boolean
}

/** A permit for a call that tests whether the model is back. */
interface Probe {
  readonly id: string
  readonly by: Invocation
  /** The time at which its worker has certainly ended. */
  readonly until: number
  readonly isFree: boolean
  isUsed: boolean
}

export interface ModelReply {
  readonly given: Reply
  readonly refusal: Refusal | undefined
  /** The users of the call's requests. */
  readonly users: readonly string[]
}

/** The fields of a model's item that are checked. Their stored names are those of the state. */
type Watched = Pick<ModelState, 'open' | 'probe' | 'paused_until' | 'halted' | 'tried_until' | 'leases'> & {
  readonly failures: readonly number[]
}

/** The protection of the model so far: the state that its workers share, the permits that they got, and their calls. Times are of the simulated clock. */
export interface Protection {
  readonly policies: WorkerSettings
  state: Watched | undefined
  /** The time since which the circuit is open or half open for the same users. */
  opened_at: number | undefined
  /** The time since which the model is halted or in a long pause, so that it gets only probes. */
  tried_since: number | undefined
  /** The latest time until which a request may have been deferred to wait for a probe. */
  held_until: number
  closed_at: number
  readonly pauses: { readonly from: number; readonly until: number }[]
  readonly probes: Probe[]
  /** The worker that got each lease for the only call of a priority. */
  readonly leases: Map<string, Invocation>
  readonly calls: MadeCall[]
  /** The times of the reports of failed calls since the last success. */
  failures: number[]
  /** The time of the last report of a success. */
  success_at: number
  /** The users with a failed call in this history. */
  readonly failed: Set<string>
  /** The answers that a worker has got and not yet reported. */
  readonly untold: Map<Invocation, { readonly reply: ModelReply; readonly at: number }[]>
}

export const unprotected = (policies: WorkerSettings): Protection => ({
  policies,
  state: undefined,
  opened_at: undefined,
  tried_since: undefined,
  held_until: 0,
  closed_at: 0,
  pauses: [],
  probes: [],
  leases: new Map(),
  calls: [],
  failures: [],
  success_at: 0,
  failed: new Set(),
  untold: new Map(),
})

/** A worker trusts the state that it has read for one second, and makes an allowed call within another second. */
const CACHE_MS = 1_000
/** With a rate limit, a worker waits up to 1.5 s for its slot, and makes its call at most 0.667 s after the slot. */
const SLOT_MS = 1_500 + 667

/** The time after a change of the state in which a worker may still make a call that was allowed before. */
const lateness = ({ rate_limit }: WorkerSettings): number => CACHE_MS + (rate_limit ? SLOT_MS : CACHE_MS)

/** The longest pause that the model may ask for. */
const LONGEST_PAUSE_MS = 15 * 60_000

/** Checks a write of the model's item: there is one probe at a time, and a pause is not cut short. */
export function checkModelStateWrite({ world, protection }: Known, oldItem: Item | undefined, newItem: Item): void {
  const before = oldItem && (unmarshall(oldItem) as Watched)
  const after = unmarshall(newItem) as Watched
  const now = world.clock()
  const holdsProbe = before?.probe && before.probe.until > world.issuedAt()
  if (holdsProbe && after.probe && after.probe.id !== before.probe?.id)
    world.violate(`a second probe while the first is under way: ${after.probe.id}`)
  if ((after.paused_until ?? 0) < (before?.paused_until ?? 0)) world.violate('a pause is cut short')

  if (before?.open && after.open && openFor(before)?.length !== openFor(after)?.length) protection.opened_at = now
  protection.state = after
  const isTried = after.halted !== undefined || (after.tried_until ?? 0) > now
  protection.tried_since = isTried ? (protection.tried_since ?? now) : undefined
  protection.held_until = Math.max(protection.held_until, after.open?.until ?? 0, after.halted?.until ?? 0)
  if (after.open) protection.opened_at ??= now
  else if (protection.opened_at !== undefined) {
    protection.opened_at = undefined
    protection.closed_at = now
  }
  if (after.paused_until !== undefined && after.paused_until !== before?.paused_until)
    protection.pauses.push({ from: now, until: after.paused_until })
}

/** The marks of the users for whom an open circuit stops calls. Undefined if it stops the calls of all. */
const openFor = ({ failures }: Watched): readonly number[] | undefined => fromStoredFailures(failures).open_for

/** Returns true if an open circuit stops a call with requests of these users. */
function isStopped(state: Watched, users: readonly string[]): boolean {
  const marks = openFor(state)
  return !marks || users.every(user => marks.includes(markOf(user)))
}

/** Checks a call of the model: it keeps the rate limit, is not made in a pause, and is made under an open circuit only as its one probe. */
export function callIsMade(
  { world, protection }: Known,
  by: Invocation,
  users: readonly string[],
  priority: Priority | undefined,
): MadeCall {
  const { policies, calls, pauses, opened_at, tried_since, closed_at, state } = protection
  const now = world.clock()
  const fail = (rule: string) => world.violate(`${rule}: a call of ${by.name}`)
  const late = now - lateness(policies)

  const { rate_limit } = policies
  const recent = rate_limit ? calls.filter(({ at }) => at > now - rate_limit.interval_ms).length : 0
  if (rate_limit && recent >= rate_limit.count)
    fail(`more than ${rate_limit.count} calls in ${rate_limit.interval_ms} ms`)
  if (pauses.some(({ from, until }) => from < late && now < until)) fail('the model has asked for a pause')

  const isOpen = opened_at !== undefined && opened_at < late && state !== undefined && isStopped(state, users)
  const isTried = tried_since !== undefined && tried_since < late && (state?.halted || now < (state?.tried_until ?? 0))
  const own = protection.probes.find(one => one.by === by && !one.isUsed)
  const probe = isOpen || isTried ? own : undefined
  if (isOpen && !probe) fail('the circuit is open')
  if (isTried && !probe) fail('the model is halted, or only tried')
  if (probe && isOpen && now < (state?.open?.until ?? 0)) fail('a probe before its time')
  if (probe && isTried && now < (state?.halted?.until ?? 0)) fail('a probe of a halted model before its time')
  const isAnotherProbe = (other: MadeCall) =>
    other.probe && !other.isOver && other.probe.until > now && other.at > closed_at
  if (probe && calls.some(isAnotherProbe)) fail('two probes at once')
  const isSingle = priority !== undefined && policies.one_at_a_time?.includes(priority)
  const isUnderWay = (other: MadeCall) => !other.isOver && other.priority === priority && other.by.state === 'running'
  if (isSingle && calls.some(isUnderWay)) fail('two calls at once')
  if (probe) probe.isUsed = true
  // The worker of a probe may know of a halt before other workers do.
  const isFreeProbe = own?.isFree === true
  const call: MadeCall = { by, priority, at: now, probe, isFreeProbe, isOver: false }
  calls.push(call)
  return call
}

export function modelHasAnswered({ world, protection }: Known, by: Invocation, reply: ModelReply): void {
  protection.untold.set(by, [...(protection.untold.get(by) ?? []), { reply, at: world.clock() }])
}

/** Watches what flow control grants to an invocation, and what the invocation reports to it. */
export function watched(known: Known, by: Invocation, flowControl: FlowControl): FlowControl {
  const { world, protection } = known
  return {
    ...flowControl,
    permit: async ask => {
      const permit = await flowControl.permit(ask)
      if (permit.granted && permit.probe !== undefined)
        protection.probes.push({
          id: permit.probe,
          by,
          until: ask.until,
          isFree: permit.is_free === true,
          isUsed: permit.probe === ask.probe,
        })
      if (permit.granted && permit.lease !== undefined) protection.leases.set(permit.lease, by)
      checkDeferral(known, ask, permit)
      return permit
    },
    report: async (report: Report) => {
      const begun = world.clock()
      const noneWasMade = report.findings === 'nothing' && report.pause_until === undefined
      const told = noneWasMade ? [] : (protection.untold.get(by) ?? [])
      if (told.length > 0) protection.untold.delete(by)
      for (const { reply } of told)
        if (reply.refusal?.retriable) for (const user of reply.users) protection.failed.add(user)
      // The process of this worker knows of the success before other processes do.
      if (told.some(({ reply }) => !reply.refusal)) protection.success_at = begun
      const answer = await flowControl.report(report)
      if (told.some(({ reply }) => !reply.refusal)) noteSuccess(known, report)
      for (const { reply, at } of told) {
        const pause = Math.min(reply.refusal?.retryAfterMs ?? 0, LONGEST_PAUSE_MS)
        if (pause > 0) protection.pauses.push({ from: world.clock(), until: at + pause })
      }
      if (told.every(({ reply }) => reply.refusal?.retriable))
        checkFailures(known, begun, told.filter(({ reply }) => countsAsFailure(reply)).length)
      return answer
    },
  }
}

/** Notes a success. It removes earlier failures, at least those of other users. If a probe has succeeded, the model must not stay halted. */
function noteSuccess({ world, protection }: Known, { probe }: Report): void {
  protection.failures = []
  protection.success_at = world.clock()
  const { state } = protection
  if (probe !== undefined && state?.halted && state.halted.since < world.clock() && !state.probe)
    world.violate('the model is halted, although its probe has succeeded')
}

/** Checks a deferral: the failures of one user never stop the calls of another. */
function checkDeferral({ world, protection }: Known, { users = [] }: Ask, permit: Permit): void {
  if (permit.granted || permit.because !== 'open' || protection.failed.size > 1) return
  if (!users.some(user => protection.failed.has(user)))
    world.violate(`the failures of ${[...protection.failed]} stop a call of ${users}`)
}

/** A 429 that says when the model will accept calls again does not count as a failure. */
const countsAsFailure = ({ refusal, given }: ModelReply): boolean =>
  refusal !== undefined && (refusal.retryAfterMs === 0 || given.kind === 'broken' || given.status !== 429)

/** The time for which a success of another user cancels failures. */
const OTHERS_SUCCESS_MS = 10_000

/** Checks that the circuit is open once enough failures were reported since it last closed. */
function checkFailures({ world, protection }: Known, begun: number, count: number): void {
  const { circuit } = protection.policies
  if (!circuit) return
  // A failure soon after a success of another user counts only for its own user.
  if (begun < protection.success_at + OTHERS_SUCCESS_MS) return
  const since = Math.max(protection.closed_at, world.clock() - circuit.within_ms)
  protection.failures = [...protection.failures, ...Array.from({ length: count }, () => begun)].filter(at => at > since)
  if (protection.failures.length >= circuit.failures && !protection.state?.open)
    world.violate(`the circuit is closed after ${protection.failures.length} failures`)
}

/** Checks an invocation that has ended normally: it has reported its calls, and has no probe or lease that still defers the calls of others. */
export function checkIsTold({ world, protection }: Known, by: Invocation): void {
  if (protection.untold.has(by)) world.violate(`${by.name} has not reported how its calls came out`)
  const left = protection.probes.find(probe => probe.by === by && probe.id === protection.state?.probe?.id)
  const lease = Object.values(protection.state?.leases ?? {}).find(
    held => held && protection.leases.get(held.id) === by,
  )
  if (lease) world.violate(`${by.name} has ended, and its lease ${lease.id} still defers the calls of others`)
  if (left) world.violate(`${by.name} has ended, and its probe ${left.id} still defers the calls of others`)
}
