import { unmarshall } from '@aws-sdk/util-dynamodb'
import { isTerminal, type Status } from '../../../functions/requests/item.ts'
import type { Item } from '../models/expression.ts'
import { callsOf, type Known, runOf, type StoredItem } from './known.ts'

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

/** A request item was written: each rule that a single write can break. */
export function checkItemWrite(known: Known, oldItem: Item | undefined, newItem: Item): void {
  const after = unmarshall(newItem) as StoredItem
  const before = oldItem && known.items.get(after.request_id)
  known.items.set(after.request_id, after)
  const fail = (rule: string) =>
    known.world.violate(`${rule}: request ${after.request_id}, ${show(before)} → ${show(after)}`)

  if (before?.status !== after.status || before.run !== after.run) {
    if (!NEXT[before?.status ?? 'absent'].includes(after.status)) fail('I2 no such transition')
    if (isTerminal(after.status)) checkEnd(known, before, after, fail)
  } else if (isTerminal(after.status) && !isBurn(before, after)) fail('I2 what has ended is changed')

  if (!before) return
  checkRun(before, after, fail)
  checkClaim(known, before, after, fail)
  for (const field of ['fingerprint', 'created_at', 'model', 'priority'] as const)
    if (before[field] !== after[field] && after.status !== 'rejected') fail(`${field} has changed`)
}

const show = (item: StoredItem | undefined): string =>
  item ? `${item.status} run ${item.run} attempt ${item.attempt} crashes ${item.crashes}` : 'absent'

/** The only change of an item that has ended: a number of a run is given up. */
function isBurn(before: StoredItem, after: StoredItem): boolean {
  const { next_run: _, ...rest } = before
  const { next_run: __, ...same } = after
  return before.status === 'failed' && JSON.stringify(rest) === JSON.stringify(same)
}

function checkRun(before: StoredItem, after: StoredItem, fail: (rule: string) => void): void {
  const isRedrive = before.status === 'failed' && after.status === 'queued'
  if (isRedrive ? after.run !== before.next_run || after.next_run !== after.run + 1 : after.run !== before.run)
    fail('a run number is used that is not the next')
  if (after.next_run < before.next_run) fail('a run number is free again')
}

/** An attempt is one claim, of a request whose time is not over, and whose last worker is certainly gone (I7, I8). */
function checkClaim({ world }: Known, before: StoredItem, after: StoredItem, fail: (rule: string) => void): void {
  const isClaim = after.status === 'running' && after.attempt !== before.attempt
  if (!isClaim) {
    const mayStartAnew = before.status === 'failed' && after.status === 'queued'
    const isTombstone = after.status === 'rejected'
    if (!(mayStartAnew || isTombstone) && (after.attempt !== before.attempt || after.crashes !== before.crashes))
      fail('I8 attempts or crashes are counted without a claim')
    return
  }
  if (after.attempt !== before.attempt + 1) fail('I8 a claim counts more than an attempt')
  if (before.status === 'queued' && before.deadline <= world.issuedAt()) fail('a request is started after its deadline')
  if (before.status === 'running' && (before.lease_until ?? 0) > world.issuedAt()) fail('I7 a live lease is taken over')
  if (after.crashes !== before.crashes + (before.status === 'running' ? 1 : 0)) fail('I8 crashes are miscounted')
}

/** The end of a run, and what it is charged, follow from what the model did (I2, I3, I7). */
function checkEnd(known: Known, before: StoredItem | undefined, after: StoredItem, fail: (rule: string) => void): void {
  const run = runOf(after.request_id, after.run)
  if (known.ended.has(run)) fail('I2 a run ends twice')
  known.ended.set(run, after)

  const calls = callsOf(known, after.request_id, after.run)
  const call = calls.find(({ attempt }) => attempt === after.attempt)
  if (after.status === 'rejected' && (after.charge !== undefined || calls.length > 0))
    fail('I3 what was never accepted')
  if (calls.length > 0 && after.charge === undefined) fail('I3 the model was reached, and nothing is charged')
  if ((before?.attempt ?? 0) === 0 && after.charge !== undefined) fail('I3 never attempted, and charged')

  const crashed = after.error?.code === 'worker_crashed'
  if (after.status === 'completed') {
    if (call?.answer !== 'success') fail('I7 completed by an attempt that was no success')
    if (after.usage?.total_tokens !== call?.tokens) fail('I7 the usage of another attempt')
    if (after.charge !== (call?.tokens ?? after.estimate)) fail('I3 charged is not what the model reported')
  }
  if (after.status === 'failed' && !crashed && call) {
    if (call.answer === 'success') fail('I7 failed by an attempt that was a success')
    if (call.answer === 'failure' && !after.error?.message.includes(call.mark)) fail('I7 the error of another attempt')
  }
  if (crashed && before?.status === 'running' && (before.lease_until ?? 0) > known.world.issuedAt())
    fail('a live lease is given up')
  if (after.status === 'failed' && (after.charge ?? 0) !== (crashed ? 0 : (call?.tokens ?? 0)))
    fail('I3 a failure is charged what nobody reported')
  if (after.cancel_requested && after.status !== 'cancelled')
    fail('a request whose owner cancelled it is not cancelled')
}
