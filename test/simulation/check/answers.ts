import { isTerminal } from '../../../functions/core/domain/item.ts'
import type { RequestView } from '../../../functions/core/lifecycle/view-request.ts'
import type { DynamoDbModel } from '../models/dynamodb.ts'
import type { Queues } from '../queues.ts'
import { callsOf, isInAQueue, type Known } from './known.ts'

/** The user of a call, and the place of the call in the order of events (`world.turn`). */
export interface Asked {
  readonly user: string
  readonly at: number
}

/** The answers that clients got. No later event of the history may contradict an answer. */
export interface Told {
  /** Accepted requests: the user, and the place of the answer in the order of events. */
  readonly accepted: Map<string, { readonly user: string; readonly at: number }>
  /** Final states that a client has read. */
  readonly ends: Map<string, { readonly status: string; readonly at: number }>
  /** Requests whose cancellation was confirmed. */
  readonly cancelled: Set<string>
}

/** Checks an answer 202: the item exists and has the fingerprint of this body, and the message is in a queue (I4, I5). */
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

/** Returns true if the request's message is in a queue, or if a deployment may have deleted the message with its queue. */
const isKept = ({ hasLostMessages }: Known, queues: Queues, requestId: string): boolean =>
  hasLostMessages || isInAQueue(queues, requestId)

/** Checks that a refused request holds no reservation (I6). */
export function checkRefused({ world }: Known, dynamoDb: DynamoDbModel, requestId: string): void {
  for (const item of dynamoDb.items('quota'))
    for (const key of Object.keys(item.open?.M ?? {}))
      if (key.startsWith(requestId)) world.violate(`I6: ${requestId} was refused, and holds a reservation`)
}

/** Checks a view that a client reads: the request is the client's own, a final state never changes, and a completed request has its result (I2, I9, I11). */
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
  // An answer that is made while the owner deletes the request may show any state. So its state is not checked.
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

/** Checks an answer 404: if the request was accepted for this user before the call, its owner must have deleted it (I4, I11). */
export function checkNotFound({ world, items }: Known, told: Told, { user, at }: Asked, requestId: string): void {
  const accepted = told.accepted.get(requestId)
  if (items.get(requestId)?.erased) return
  if (accepted?.user === user && accepted.at <= at) world.violate(`I4: ${requestId} was accepted, and is not found`)
}

/** Checks the answer to a deletion: the caller owns the request, and the item is marked as deleted (I10, I11). */
export function checkErased({ world, items, erased }: Known, { user }: Asked, requestId: string): void {
  const item = items.get(requestId)
  if (item?.user_id !== user) world.violate(`I11: ${user} deletes ${requestId}`)
  if (!item?.erased) world.violate(`I10: ${requestId} is said to be deleted, and is not`)
  if (!erased.has(requestId)) erased.set(requestId, world.turn())
}
