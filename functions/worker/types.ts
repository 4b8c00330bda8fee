import type { RequestItem } from '../core/domain/item.ts'
import type { Permit } from '../core/flow-control/port.ts'
import type { Member } from './plan-batch.ts'

/** A request that this worker may run now. */
export interface Claimed extends Member {
  readonly item: RequestItem
  readonly claim_id: string
}

export type Granted = Permit & { readonly granted: true }
