import { isTerminal } from '../../../functions/core/domain/item.ts'
import type { RequestView } from '../../../functions/core/lifecycle/view-request.ts'
import type { DynamoDbModel } from '../models/dynamodb.ts'
import type { Queues } from '../queues.ts'
import { callsOf, isInAQueue, type Known } from './known.ts'

/** The user who asked, and the step of the history. */
export interface Asked {
  readonly user: string
  readonly at: number
}

/** The answers that clients got. None may turn out to be wrong. */
export interface Told {
  /** Accepted requests: their user, and the time of the answer. */
  readonly accepted: Map<string, { readonly user: string; readonly at: number }>
  /** Final states that a client has read. */
  readonly ends: Map<string, { readonly status: string; readonly at: number }>
  /** Requests whose cancellation was confirmed. */
  readonly cancelled: Set<string>
}

/** Checks a 202: the item exists with this body, and its message is where a worker finds it (I4, I5). */
export function checkAccepted(
  known: Known,
  queues: Queues,
  told: Told,
  user: string,
  { request_id, fingerprint }: { readonly request_id: string; readonly fingerprint: string },
): void {
  const item = known.items.get(request_id)
  const fail = (rule: string) =>
    known.world.violate(`${rule}: 202 for ${request_id}, which is ${item?.status ?? 'absent'}`)
  if (!item || item.status === 'rejected') fail('I4')
  else if (item.user_id !== user) fail('I11')
  else if (item.fingerprint !== fingerprint) fail('I5 another body')
  else if (item.status === 'queued' && item.run === 1 && item.attempt === 0 && !isKept(known, queues, request_id))
    fail('I4 its message is lost')
  told.accepted.set(request_id, { user, at: known.world.turn() })
}

/** Returns true if the request's message is in a queue, or may have been deleted with its queue. */
const isKept = ({ hasLostMessages }: Known, queues: Queues, requestId: string): boolean =>
  hasLostMessages || isInAQueue(queues, requestId)

/** Checks a refusal: it holds no reservation (I6). */
export function checkRefused({ world }: Known, dynamoDb: DynamoDbModel, requestId: string): void {
  for (const item of dynamoDb.items('quota'))
    for (const key of Object.keys(item.open?.M ?? {}))
      if (key.startsWith(requestId)) world.violate(`I6: ${requestId} was refused, and holds a reservation`)
}

/** Checks a request that a client reads: it is the client's own, its state never goes back, and it is completed only with its result (I2, I9, I11). */
export function checkView(known: Known, told: Told, { user, at }: Asked, view: RequestView, withResult: boolean): void {
  const { request_id, status } = view
  const item = known.items.get(request_id)
  const fail = (rule: string) => known.world.violate(`${rule}: ${user} reads ${request_id} as ${status}`)
  if (item?.user_id !== user) {
    fail("I11 another's request")
    return
  }
  if (status === 'rejected') fail('a tombstone is shown')
  if ((known.erased.get(request_id) ?? Number.POSITIVE_INFINITY) <= at) fail('a deleted request is shown')
  // An answer that is made during the deletion may show any state of the request.
  if (known.erasing.has(request_id)) return

  const earlier = told.ends.get(request_id)
  const wasRedriven = earlier?.status === 'failed' && item.run > 1
  if (earlier && earlier.at <= at && earlier.status !== status && !wasRedriven) fail(`I2 it was ${earlier.status}`)
  if (isTerminal(status)) told.ends.set(request_id, { status, at: known.world.turn() })

  if (status !== 'completed') return
  if (withResult) {
    const { mark } = (view.result ?? {}) as { mark?: string }
    const call = callsOf(known, request_id, item.run).findLast(({ attempt }) => attempt === view.attempts)
    if (mark === undefined || mark !== call?.mark) fail('I9 without its result')
  } else if (known.rdsData.requests.get(request_id)?.status !== 'completed') fail('I9 before its result can be read')
}

/** Checks a 404: the request belongs to another user, was never accepted, or is deleted (I4, I11). */
export function checkNotFound({ world, items }: Known, told: Told, { user, at }: Asked, requestId: string): void {
  const accepted = told.accepted.get(requestId)
  if (items.get(requestId)?.erased) return
  if (accepted?.user === user && accepted.at <= at) world.violate(`I4: ${requestId} was accepted, and is not found`)
}

/** Checks the answer to a deletion: the request is its owner's, and is marked (I11). */
export function checkErased({ world, items, erased }: Known, { user }: Asked, requestId: string): void {
  const item = items.get(requestId)
  if (item?.user_id !== user) world.violate(`I11: ${user} deletes ${requestId}`)
  if (!item?.erased) world.violate(`I10: ${requestId} is said to be deleted, and is not`)
  if (!erased.has(requestId)) erased.set(requestId, world.turn())
}
