import { unmarshall } from '@aws-sdk/util-dynamodb'
import type { Item } from '../models/expression.ts'
import type { Known } from './known.ts'

interface KeyItem {
  readonly request_id: string
  readonly bound_to: string
  readonly fingerprint: string
  readonly expires_at: number
}

const REMEMBERED_MS = 24 * 3_600_000

/** Checks a write of an idempotency key. Until the key expires, it may be bound to another request only if its earlier request was rejected (I5). */
export function checkKeyWrite({ world, items }: Known, oldItem: Item | undefined, newItem: Item): void {
  const after = unmarshall(newItem) as KeyItem
  const before = oldItem && (unmarshall(oldItem) as KeyItem)
  const fail = (rule: string) => world.violate(`I5 ${rule}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`)

  if (after.expires_at < world.issuedAt() + REMEMBERED_MS) fail('a key is forgotten too soon')
  if (!before || before.expires_at <= world.clock() || before.bound_to === after.bound_to) return
  if (before.fingerprint !== after.fingerprint) fail('a key is bound to another body')
  if (items.get(before.bound_to)?.status !== 'rejected') fail('a key is taken from a request that was not taken back')
}
