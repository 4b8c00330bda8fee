import { afterAll, beforeAll } from 'vitest'
import type { RequestItems } from '../../functions/core/stores/requests/port.ts'
import { deferred } from '../support/deferred.ts'
import { describeClaims } from './requests/claim.ts'
import { describeEnds } from './requests/end.ts'
import { describeEndLease } from './requests/end-lease.ts'
import { describeErasures } from './requests/erase.ts'
import { describeGivingUp } from './requests/give-up.ts'
import { describeKeeping } from './requests/keep.ts'
import { describeListing } from './requests/list.ts'
import { describeNoteSent } from './requests/note-sent.ts'
import { describeRedrives } from './requests/redrive.ts'
import { describeRequeues } from './requests/requeue.ts'

export interface ItemsEngine {
  readonly items: RequestItems
  close(): Promise<void>
}

/** Checks a store of request items: each transition is allowed only from the states that it needs. */
export function describeItemsContract(name: string, makeEngine: () => Promise<ItemsEngine>): void {
  let engine: ItemsEngine
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine?.close())

  const items = deferred(() => engine.items)
  describeKeeping(name, items)
  describeClaims(name, items)
  describeEnds(name, items)
  describeEndLease(name, items)
  describeErasures(name, items)
  describeGivingUp(name, items)
  describeRedrives(name, items)
  describeRequeues(name, items)
  describeListing(name, items)
  describeNoteSent(name, items)
}
