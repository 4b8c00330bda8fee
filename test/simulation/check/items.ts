import { unmarshall } from '@aws-sdk/util-dynamodb'
import { withEndedNote } from '../../../functions/core/domain/ended-note.ts'
import { isTerminal, type Status } from '../../../functions/core/domain/item.ts'
import type { Item } from '../models/expression.ts'
import { MODEL } from '../settings.ts'
import { checkMark, isMark } from './erasure.ts'
import { callsOf, isInAQueue, type Known, type ModelCall, runOf, type StoredItem } from './known.ts'

type Fail = (rule: string) => void

const NEXT: Readonly<Record<Status | 'absent', readonly Status[]>> = {
  absent: ['queued', 'rejected'],
  queued: ['running', 'cancelled', 'expired', 'failed', 'rejected'],
  running: ['queued', 'completed', 'failed', 'cancelled'],
  failed: ['queued'],
  completed: [],
  cancelled: [],
  expired: [],
  rejected: [],
}

/** Checks a write of a request item against each rule that a single write can break. */
export function checkItemWrite(known: Known, oldItem: Item | undefined, newItem: Item): void {
  const after = unmarshall(newItem) as StoredItem
  const before = oldItem && known.items.get(after.request_id)
  known.items.set(after.request_id, after)
  const fail = (rule: string) =>
    known.world.violate(`${rule}: request ${after.request_id}, ${show(before)} → ${show(after)}`)

  if (before?.status !== after.status || before.run !== after.run) {
    if (!NEXT[before?.status ?? 'absent'].includes(after.status)) fail('I2 no such transition')
    if (isTerminal(after.status)) checkEnd(known, before, after, fail)
  } else if (isTerminal(after.status) && !isBurn(before, after) && !isMark(before, after))
    fail('I2 what has ended is changed')
  checkMark(known, before, after, fail)

  if (!before) return
  checkRun(before, after, fail)
  checkClaim(known, before, after, fail)
  for (const field of ['fingerprint', 'created_at', 'model', 'priority'] as const)
    if (before[field] !== after[field] && after.status !== 'rejected') fail(`${field} has changed`)
}

const show = (item: StoredItem | undefined): string =>
  item ? `${item.status} run ${item.run} attempt ${item.attempt} crashes ${item.crashes}` : 'absent'

/** Returns true if a write of an ended item only retires a run number, i.e. marks it as used, so that no redrive gets the same number. */
function isBurn(before: StoredItem, after: StoredItem): boolean {
  const { next_run: _, ...rest } = before
  const { next_run: __, ...same } = after
  return before.status === 'failed' && JSON.stringify(rest) === JSON.stringify(same)
}

function checkRun(before: StoredItem, after: StoredItem, fail: Fail): void {
  const isRedrive = before.status === 'failed' && after.status === 'queued'
  if (isRedrive ? after.run !== before.next_run || after.next_run !== after.run + 1 : after.run !== before.run)
    fail('a run number is used that is not the next')
  if (after.next_run < before.next_run) fail('a run number is free again')
}

/** Checks the claim and the counters in a write: only a claim counts an attempt or a crash, before the deadline and after the earlier lease's end (I7, I8). */
function checkClaim(known: Known, before: StoredItem, after: StoredItem, fail: Fail): void {
  const { world, protection } = known
  const isClaim = after.status === 'running' && after.attempt !== before.attempt
  if (!isClaim) {
    const isGivenBack = before.status === 'running' && after.status === 'queued'
    if (isGivenBack) checkGivenBack(known, before, after, fail)
    const mayStartAnew = before.status === 'failed' && after.status === 'queued'
    const isTombstone = after.status === 'rejected'
    if (after.attempt !== before.attempt && !(isGivenBack || mayStartAnew || isTombstone))
      fail('I8 attempts are counted without a claim')
    if (after.crashes !== before.crashes && !(mayStartAnew || isTombstone))
      fail('I8 crashes are counted without a claim')
    return
  }
  const now = world.issuedAt()
  if (after.attempt !== before.attempt + 1) fail('I8 a claim counts more than an attempt')
  if (before.status === 'queued' && before.deadline <= now) fail('a request is started after its deadline')
  if (before.status === 'queued' && (before.not_before ?? 0) > now) fail('a retry comes before its time')
  if (before.status === 'running' && (before.lease_until ?? 0) > now) fail('I7 a live lease is taken over')
  checkCrash(known, before, after, fail)
  const calls = callsOf(known, after.request_id, after.run)
  const inCompany = calls.filter(({ company, retriable }) => company > 1 && !retriable).length
  if (after.attempt > protection.policies.retry.attempts + crashesIn(known, after) + inCompany)
    fail('more attempts than there are')
}

/**
 * Checks the counter of crashes in a claim. A crash counts for a request only if its worker ran no other request. If a worker ran several
 * requests, each of them may have caused the crash. Each of these requests then runs alone, so that the next crash shows which one causes it.
 */
function checkCrash(known: Known, before: StoredItem, after: StoredItem, fail: Fail): void {
  const claimOf = ({ request_id, run, attempt }: StoredItem) => `${runOf(request_id, run)}:${attempt}`
  const isAlone = isOnlyOne(known, after.request_id)
  known.aloneBy.set(claimOf(after), isAlone)
  const isTakenOver = before.status === 'running'
  const isOwn = isTakenOver && known.aloneBy.get(claimOf(before)) === true
  if (after.crashes !== before.crashes + (isOwn ? 1 : 0)) fail('I8 crashes are miscounted')
  if (!isTakenOver) return
  if (!isAlone) fail('what may have ended a worker is run together with others')
  if (!isOwn) known.uncounted.set(runOf(after.request_id, after.run), uncountedIn(known, after) + 1)
}

/** Returns true if the claiming worker runs no other request: it received one message only, or this request's message demands an isolated run. */
function isOnlyOne({ world, received }: Known, requestId: string): boolean {
  const all = received.get(world.issuedBy()?.name ?? '') ?? []
  return all.length === 1 || all.some(({ request_id, alone }) => alone && request_id === requestId)
}

const uncountedIn = ({ uncounted }: Known, { request_id, run }: StoredItem): number =>
  uncounted.get(runOf(request_id, run)) ?? 0
const crashesIn = (known: Known, item: StoredItem): number => item.crashes + uncountedIn(known, item)

/** Checks a write that puts a running request back to `queued`. After a call, it is a retry. Without a call, it must not use up an attempt (I8). */
function checkGivenBack(known: Known, before: StoredItem, after: StoredItem, fail: Fail): void {
  const { retry, circuit } = known.protection.policies
  const calls = callsOf(known, after.request_id, after.run)
  const call = calls.findLast(({ claim }) => claim === before.claim_id)
  if (known.calling.get(after.request_id)?.state === 'running') fail('I7 given back while its worker calls the model')
  const isGivenBackFree = (call?.isFree || call?.mayBeFree) && after.attempt === before.attempt - 1
  const isFreeToo = ({ claim, mayBeFree }: ModelCall) => isGivenBackFree && mayBeFree && claim === call?.claim
  const counted = calls.map(one => (isFreeToo(one) ? { ...one, reached: false } : one))
  known.calls.set(runOf(after.request_id, after.run), counted)
  if ((after.reached === true) !== mayHaveReached(known, counted, after))
    fail('I3 whether the model was reached is forgotten')
  if (!call) {
    if (after.attempt !== before.attempt - 1) fail('I8 a deferral spends an attempt')
    return
  }
  const isGivenBack = after.attempt === before.attempt - 1
  if (call.isFree && !isGivenBack) fail('I8 a call of a halted model spends an attempt')
  if (isGivenBack && (call.isFree || call.mayBeFree)) return
  if (after.attempt !== before.attempt) fail('I8 a call spends no attempt')
  if (call.answer !== 'failure') fail('what was answered is tried again')
  if (call.retriable ? before.attempt >= retry.attempts : call.company === 1) fail('what is final is tried again')
  const wait = call.retriable ? Math.max(retry.period_ms, Math.min(call.retryAfterMs, LONGEST_PAUSE_MS)) : 0
  if ((after.not_before ?? 0) < call.at + wait) fail('a retry does not wait as long as it should')
  // If the circuit is open or the model is halted, a retry may wait longer, until the probes of other requests are over.
  const isHeld = circuit !== undefined || known.protection.held_until > 0
  const others = isHeld ? LONGEST_OPENINGS * (circuit?.open_ms ?? HALT_MS) + LONGEST_SPREAD_MS : 0
  if ((after.not_before ?? 0) > known.world.issuedAt() + Math.max(wait, retry.max_backoff_ms, others))
    fail('a retry waits longer than it should')
}

/** The time from a halt to its first probe in milliseconds, if the model has no circuit breaker. */
const HALT_MS = 30_000
/** A circuit stays open for at most 8 times its configured open time. The deferred messages are then delivered within LONGEST_SPREAD_MS. */
const LONGEST_OPENINGS = 8
const LONGEST_SPREAD_MS = 6_000

/** The longest pause that a model may ask for with Retry-After. */
const LONGEST_PAUSE_MS = 15 * 60_000

/** If requests with messages are queued, a halted model gets a probe (a call that tests whether the model works again) within this time. */
const LONGEST_WITHOUT_PROBE_MS = LONGEST_OPENINGS * 60_000 + 5 * 60_000

/**
 * Returns true if a request expires because the halt of its model does not end. When the faults have stopped, the model works, so the
 * next probe ends the halt. Two kinds of requests can't end a halt, and are left out. A request without a message causes no probe: its
 * gateway crashed before the send, or a deployment deleted the message with its queue. A request whose content makes each call fail is
 * a probe again and again. It is recognized by a recent call. A model that has asked for a pause gets no probe before the end of the pause.
 */
const isHaltedForTooLong = (
  { world, queues, protection }: Known,
  requestId: string,
  calls: readonly ModelCall[],
): boolean =>
  isInAQueue(queues, requestId) &&
  protection.state?.halted !== undefined &&
  (protection.state.paused_until ?? 0) <= world.clock() - LONGEST_WITHOUT_PROBE_MS &&
  world.restedFor() > LONGEST_WITHOUT_PROBE_MS &&
  !calls.some(({ at }) => at > world.clock() - LONGEST_WITHOUT_PROBE_MS)

/** Returns true if a call of the run has reached the model, or if a worker crashed and may have reached the model before. */
const mayHaveReached = (known: Known, calls: readonly ModelCall[], item: StoredItem): boolean =>
  crashesIn(known, item) > 0 || calls.some(({ reached }) => reached)

/** Checks the end of a run: its state and its charge follow from the model's answers (I2, I3, I7). */
function checkEnd(known: Known, before: StoredItem | undefined, after: StoredItem, fail: Fail): void {
  const run = runOf(after.request_id, after.run)
  if (known.ended.has(run)) fail('I2 a run ends twice')
  known.ended.set(run, after)

  const calls = callsOf(known, after.request_id, after.run)
  const call = calls.findLast(({ attempt }) => attempt === after.attempt)
  const isAbandoned = before?.status === 'running' && (before.lease_until ?? 0) <= known.world.issuedAt()
  if (after.status === 'rejected' && (after.charge !== undefined || calls.length > 0))
    fail('I3 what was never accepted')
  if (calls.some(({ reached, mayBeFree }) => reached && !mayBeFree) && after.charge === undefined)
    fail('I3 the model was reached, and nothing is charged')
  if (after.charge !== undefined && !mayHaveReached(known, calls, after) && !isAbandoned)
    fail('I3 the model was never reached, and the request is charged')
  if (after.status === 'expired' && after.deadline > known.world.issuedAt())
    fail('a request expires before its deadline')
  if (after.status === 'expired' && isHaltedForTooLong(known, after.request_id, calls))
    fail('a request expires, since the halt of its model never ends')

  const crashed = after.error?.code === 'worker_crashed'
  const isRemoved = after.error?.code === 'model_removed'
  if (isRemoved) checkRemoved(known, before, fail)
  if (after.status === 'expired' && isRemovedForLong(known)) fail('a request of a removed model waits for its deadline')
  if (after.status === 'completed') {
    if (call?.answer !== 'success') fail('I7 completed by an attempt that was no success')
    if (after.usage?.total_tokens !== call?.tokens) fail('I7 the usage of another attempt')
    if (after.charge !== (call?.tokens ?? Math.max(after.estimate, call?.least ?? 0)))
      fail('I3 charged is not what the model reported, nor what its answer costs without a report')
  }
  if (after.status === 'failed' && !crashed && !isRemoved && call) checkFailure(known, after, call, calls, fail)
  if (crashed && before?.status === 'running' && !isAbandoned) fail('a live lease is given up')
  if (after.status === 'failed' && (after.charge ?? 0) !== (crashed || isRemoved ? 0 : (call?.tokens ?? 0)))
    fail('I3 a failure is charged what nobody reported')
  if (after.cancel_requested && after.status !== 'cancelled')
    fail('a request whose owner cancelled it is not cancelled')
}

/** Checks the end of a request of a removed model: only a function deployed without the model ends the request, and only while it is queued. */
function checkRemoved({ world, deployedWithout }: Known, before: StoredItem | undefined, fail: Fail): void {
  if (!deployedWithout.has(world.issuedBy()?.name ?? '')) fail('a model is taken for removed that was not')
  if (before?.status !== 'queued') fail('a request that runs is ended, since its model was removed')
}

/** Returns true if the faults stopped so long ago that a sweep must already have failed each queued request of a removed model. */
const isRemovedForLong = ({ world, models }: Known): boolean =>
  !models.includes(MODEL) && world.restedFor() > LONGEST_PAUSE_MS + 2 * 5 * 60_000

/** Checks a failure: the request failed in a call of its own, after all its attempts, or as the only failing request of a split batch. */
function checkFailure(
  { protection, succeeded }: Known,
  after: StoredItem,
  call: ModelCall,
  calls: readonly ModelCall[],
  fail: Fail,
): void {
  if (call.answer === 'success') fail('I7 failed by an attempt that was a success')
  const { error } = withEndedNote(after, after.claim_id)
  if (call.isMarked && !`${error?.message} ${error?.detail}`.includes(call.mark))
    fail('I7 the error of another attempt')
  if (call.answer !== 'failure') return
  if (!call.retriable && call.company > 1) fail('failed by what may be the fault of another request of the batch')
  const first = calls.find(({ claim }) => claim === call.claim)
  const isCulprit = call.company === 1 && first?.isBatch && succeeded.has(call.by)
  if (call.retriable && after.attempt < protection.policies.retry.attempts && !isCulprit)
    fail('failed with attempts left')
}
