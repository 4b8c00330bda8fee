import { unmarshall } from '@aws-sdk/util-dynamodb'
import { shardLimits } from '../../../functions/core/domain/limits.ts'
import type { Item } from '../models/expression.ts'
import { planOfUser } from '../settings.ts'
import { type Known, runOf } from './known.ts'

type Entry = readonly [estimate: number, at: number, nonce: string, holds: number]
interface Counters {
  readonly pk: string
  readonly requests: number
  readonly tokens: number
  readonly open: Readonly<Record<string, Entry>>
}
const NOTHING = { requests: 0, tokens: 0, open: {} }

/** Checks a write of a quota item: an admission keeps the limits, and the end of a reservation agrees with the request item (I1, I3). */
export function checkQuotaWrite(known: Known, oldItem: Item | undefined, newItem: Item): void {
  const after = unmarshall(newItem) as Counters
  const before = oldItem ? (unmarshall(oldItem) as Counters) : { ...NOTHING, pk: after.pk }
  const fail = (rule: string) => known.world.violate(`${rule}: ${show(before)} → ${show(after)}`)

  if (after.requests < 0 || after.tokens < 0) fail('I1 a counter is negative')
  const added = Object.entries(after.open).filter(([key]) => !(key in before.open))
  const removed = Object.entries(before.open).filter(([key]) => !(key in after.open))
  if (added.length > 0 && removed.length > 0) fail('reserves and closes at once')
  if (added.length > 0) checkAdmission(before, after, added, fail)
  else checkClosings(known, before, after, removed, fail)
}

const show = ({ pk, requests, tokens, open }: Counters) =>
  `${pk} ${requests} requests, ${tokens} tokens, open ${JSON.stringify(open)}`

function placeOf(pk: string) {
  const [, user = '', window = '', shard = '0'] = pk.split('#')
  return { user, window, shard: Number(shard) }
}

function checkAdmission(
  before: Counters,
  after: Counters,
  added: readonly (readonly [string, Entry])[],
  fail: (rule: string) => void,
): void {
  const { user, shard } = placeOf(after.pk)
  const plan = planOfUser(user)
  const limits = shardLimits(plan, shard, plan.shards)
  const [[, [estimate, , , holds]] = ['', [0, 0, '', 0] as Entry]] = added
  if (added.length > 1 || after.tokens !== before.tokens + estimate || after.requests !== before.requests + holds)
    fail('I1 a reservation is not counted as it is')
  if (holds === 1 && after.requests > limits.requests) fail('I1 more requests than the limit')
  if (after.tokens > limits.tokens) fail('I1 more tokens than the limit')
  if (Object.keys(after.open).length > limits.in_flight) fail('I1 more in flight than the limit')
}

function checkClosings(
  known: Known,
  before: Counters,
  after: Counters,
  removed: readonly (readonly [string, Entry])[],
  fail: (rule: string) => void,
): void {
  const closings = removed.map(([key, entry]) => closingOf(known, after.pk, key, entry, fail))
  const tokens = closings.reduce((sum, closing) => sum + closing.tokens, before.tokens)
  const requests = closings.reduce((sum, closing) => sum + closing.requests, before.requests)
  if (after.tokens !== tokens || after.requests !== requests)
    fail(`I3 after closing ${removed.length} there should be ${requests} requests, ${tokens} tokens`)
}

/** The change of the counters when a reservation is settled or released, as the request item demands it. */
function closingOf(known: Known, pk: string, key: string, entry: Entry, fail: (rule: string) => void) {
  const [estimate, , nonce, holds] = entry
  const { window, shard } = placeOf(pk)
  const requestId = key.slice(0, key.lastIndexOf(':'))
  const run = Number(key.slice(key.lastIndexOf(':') + 1))
  const item = known.items.get(requestId)
  const ended = known.ended.get(runOf(requestId, run))
  const of = ended ?? item
  const isOwn = of?.run === run && of.nonce === nonce && of.window === window && of.shard === shard
  const released = { tokens: -estimate, requests: -holds }
  if (!item) {
    fail(`I3 the reservation ${key} is closed, and nothing says that its request is over`)
    return released
  }
  if (isOwn && !ended) fail(`I3 the reservation ${key} of a request that is ${item.status} is closed`)
  // If a run's reservation is released while the run may still come, this run would be charged to nobody. So the number of the run must be
  // retired (marked as used) first. A deleted request has no further run, so this rule does not apply to it.
  if (run >= item.next_run && !item.erased)
    fail(`the reservation of run ${run} is given back, and the run may still come`)
  if (!isOwn || ended?.charge === undefined) return released
  if (known.settled.has(runOf(requestId, run))) fail(`I3 run ${key} is charged a second time`)
  known.settled.set(runOf(requestId, run), { tokens: ended.charge, requests: holds })
  return { tokens: ended.charge - estimate, requests: 0 }
}
