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

/** A call of the AI model. The call is over when its worker has the answer. */
export interface MadeCall {
  readonly by: Invocation
  readonly priority: Priority | undefined
  readonly at: number
  readonly probe: Probe | undefined
  /** True if the call is a probe of a model that is halted or in a long pause. */
  readonly isFreeProbe: boolean
  isOver: boolean
}

/** A permit for a probe, i.e. a call that tests whether the model works again. */
interface Probe {
  readonly id: string
  readonly by: Invocation
  /** The time at which the probe's worker has certainly ended. */
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

/** The fields of a model's item that are checked. They have the same names in the item and in `ModelState`. */
type Watched = Pick<ModelState, 'open' | 'probe' | 'paused_until' | 'halted' | 'tried_until' | 'leases'> & {
  readonly failures: readonly number[]
}

/** The history of a model's protection: the state that its workers share, their permits, and their calls. All times are of the simulated clock. */
export interface Protection {
  readonly policies: WorkerSettings
  state: Watched | undefined
  /** The time since which the circuit is open or half open for an unchanged set of users. */
  opened_at: number | undefined
  /** The time since which the model is halted or in a long pause, so that it gets only probes. */
  tried_since: number | undefined
  /** The latest time until which an open circuit or a halt may have deferred a request. */
  held_until: number
  closed_at: number
  readonly pauses: { readonly from: number; readonly until: number }[]
  readonly probes: Probe[]
  /** With one call at a time: the worker that got each lease, by the id of the lease. */
  readonly leases: Map<string, Invocation>
  readonly calls: MadeCall[]
  /** The times of the reports of failed calls since the last success. */
  failures: number[]
  /** The time of the last report of a success. */
  success_at: number
  /** The users with a failed call in this history. */
  readonly failed: Set<string>
  /** The model's answers that a worker has not yet reported to the flow control. */
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

/** A worker uses a state of the model for one second after it has read it, and makes an allowed call within another second. */
const CACHE_MS = 1_000
/** With a rate limit, a worker waits up to 1.5 s for its slot, and makes its call at most 0.667 s after the slot. */
const SLOT_MS = 1_500 + 667

/** The time after a change of the model's state in which a worker may make a call that was allowed before the change. Such a late call is no fault. */
const lateness = ({ rate_limit }: WorkerSettings): number => CACHE_MS + (rate_limit ? SLOT_MS : CACHE_MS)

/** The longest pause that the model may ask for with Retry-After. */
const LONGEST_PAUSE_MS = 15 * 60_000

/** Checks a write of the model's item: there is at most one probe at a time, and no write shortens a pause. */
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

/** The marks (short hashes) of the users for whom an open circuit stops calls. Undefined if it stops the calls of all users. */
const openFor = ({ failures }: Watched): readonly number[] | undefined => fromStoredFailures(failures).open_for

/** Returns true if an open circuit stops a call with requests of these users. */
function isStopped(state: Watched, users: readonly string[]): boolean {
  const marks = openFor(state)
  return !marks || users.every(user => marks.includes(markOf(user)))
}

/** Checks a call to the model: it keeps the rate limit, is not in a pause, and is a probe if the circuit is open or the model is halted. */
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
  // A free probe is a probe that spends no attempt. `isTried` becomes true some time after the halt (`lateness`), since workers may use an older
  // state until then. A worker with the newest state may make a free probe earlier. So `isFreeProbe` follows from the permit, and not from `isTried`.
  const isFreeProbe = own?.isFree === true
  const call: MadeCall = { by, priority, at: now, probe, isFreeProbe, isOver: false }
  calls.push(call)
  return call
}

export function modelHasAnswered({ world, protection }: Known, by: Invocation, reply: ModelReply): void {
  protection.untold.set(by, [...(protection.untold.get(by) ?? []), { reply, at: world.clock() }])
}

/** Wraps the flow control of an invocation. It records and checks its permits, and the reports of the invocation. */
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
      // This worker's process uses the success at once, before the report has ended. So the success counts from the begin of the report.
      if (told.some(({ reply }) => !reply.refusal)) protection.success_at = begun
      const isOfProbe = report.probe !== undefined && report.probe === protection.state?.probe?.id
      const answer = await flowControl.report(report)
      // A probe that was answered shows that the model works, also if the answer refuses the request. The circuit then forgets its failures.
      if (isOfProbe && report.findings === 'healthy') protection.failures = []
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

/** Records the report of a success, which removes the failures counted so far. After the success of a probe, the model must not stay halted. */
function noteSuccess({ world, protection }: Known, { probe }: Report): void {
  protection.failures = []
  protection.success_at = world.clock()
  const { state } = protection
  if (probe !== undefined && state?.halted && state.halted.since < world.clock() && !state.probe)
    world.violate('the model is halted, although its probe has succeeded')
}

/** Checks a deferral: the failures of one user never stop the calls of another user. */
function checkDeferral({ world, protection }: Known, { users = [] }: Ask, permit: Permit): void {
  if (permit.granted || permit.because !== 'open' || protection.failed.size > 1) return
  if (!users.some(user => protection.failed.has(user)))
    world.violate(`the failures of ${[...protection.failed]} stop a call of ${users}`)
}

/** An answer 429 with Retry-After does not count as a failure, because it only asks for a pause. */
const countsAsFailure = ({ refusal, given }: ModelReply): boolean =>
  refusal !== undefined && (refusal.retryAfterMs === 0 || given.kind === 'broken' || given.status !== 429)

/** For this time after a success, failures of another user do not open the circuit for all users. */
const OTHERS_SUCCESS_MS = 10_000

/** Checks that the circuit is open if enough failures were reported since it last closed. */
function checkFailures({ world, protection }: Known, begun: number, count: number): void {
  const { circuit } = protection.policies
  if (!circuit) return
  // A failure soon after a success of another user opens the circuit only for its own user.
  if (begun < protection.success_at + OTHERS_SUCCESS_MS) return
  const since = Math.max(protection.closed_at, world.clock() - circuit.within_ms)
  protection.failures = [...protection.failures, ...Array.from({ length: count }, () => begun)].filter(at => at > since)
  if (protection.failures.length >= circuit.failures && !protection.state?.open)
    world.violate(`the circuit is closed after ${protection.failures.length} failures`)
}

/** Checks an invocation that has ended normally: it has reported its calls, and has left no probe and no lease that would defer the calls of others. */
export function checkIsTold({ world, protection }: Known, by: Invocation): void {
  if (protection.untold.has(by)) world.violate(`${by.name} has not reported how its calls came out`)
  const left = protection.probes.find(probe => probe.by === by && probe.id === protection.state?.probe?.id)
  const lease = Object.values(protection.state?.leases ?? {}).find(
    held => held && protection.leases.get(held.id) === by,
  )
  if (lease) world.violate(`${by.name} has ended, and its lease ${lease.id} still defers the calls of others`)
  if (left) world.violate(`${by.name} has ended, and its probe ${left.id} still defers the calls of others`)
}
