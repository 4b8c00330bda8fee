import { unmarshall } from '@aws-sdk/util-dynamodb'
import type { Item } from '../models/expression.ts'
import { INPUT_QUEUE } from '../settings.ts'
import type { Known, StoredItem } from './known.ts'

interface InputKeyItem {
  readonly bound_to?: string
  readonly admitted?: boolean
  readonly refusal?: unknown
  readonly expires_at: number
}

/** The time for which SQS keeps a message, in milliseconds. */
const KEPT_MS = 14 * 86_400_000

/**
 * Checks a write of the item that binds a message of the input queue to a request. The message may be bound to another request only if its
 * earlier request was rejected. A refusal of the message is final (I5).
 */
export function checkInputKeyWrite({ world, items }: Known, oldItem: Item | undefined, newItem: Item): void {
  const after = unmarshall(newItem) as InputKeyItem
  const before = oldItem && (unmarshall(oldItem) as InputKeyItem)
  const fail = (rule: string) => world.violate(`I5 ${rule}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`)

  if (after.expires_at < world.issuedAt() + KEPT_MS) fail('a message may be forgotten before its last delivery')
  if (before?.refusal !== undefined && after.refusal === undefined) fail('a refusal is taken back')
  const isLeft = before?.bound_to !== undefined && before.bound_to !== after.bound_to
  if (isLeft && after.bound_to !== undefined && items.get(before.bound_to)?.status !== 'rejected')
    fail('a message is given another request, and its own was not taken back')
  if (isLeft && after.refusal !== undefined && before.admitted) fail('an admitted message is refused')
}

/** Checks that each message of the input queue became one request or one dead letter, and not both (I5, I10). */
export function checkInputs(known: Known): void {
  for (const [id, { mark }] of known.inputs) {
    const requests = requestsOf(known, mark)
    const isRefused = known.rdsData.deadLetters.has(`input:${INPUT_QUEUE}:${id}`)
    if (requests.length + (isRefused ? 1 : 0) !== 1)
      known.world.violate(
        `I10: the message ${id} is ${requests.length} requests${isRefused ? ' and a dead letter' : ''}`,
      )
  }
}

const requestsOf = ({ items }: Known, mark: object): StoredItem[] =>
  [...items.values()].filter(({ status, metadata }) => status !== 'rejected' && metadata === JSON.stringify(mark))
