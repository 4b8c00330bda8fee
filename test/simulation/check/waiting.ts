import { unmarshall } from '@aws-sdk/util-dynamodb'
import type { Item } from '../models/expression.ts'
import { WAIT_LIMITS } from '../settings.ts'
import type { Known } from './known.ts'

interface LeasesItem {
  readonly user_id: string
  readonly leases: Readonly<Record<string, readonly [until: number, nonce: string]>>
}

/** Checks a write of wait leases (one per call that waits for the end of a request): the number of live leases never exceeds the limits. */
export function checkLeasesWrite({ world }: Pick<Known, 'world'>, newItem: Item): void {
  const { user_id, leases } = unmarshall(newItem) as LeasesItem
  const live = Object.values(leases).filter(([until]) => until > world.clock()).length
  const limit = user_id.startsWith('#') ? WAIT_LIMITS.total : WAIT_LIMITS.per_user
  if (live > limit) world.violate(`${live} calls of ${user_id} wait, and ${limit} may`)
}
