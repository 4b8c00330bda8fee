import { afterAll, beforeAll } from 'vitest'
import type { Quota } from '../../functions/core/stores/quota/port.ts'
import { deferred } from '../support/deferred.ts'
import { describeClose } from './quota/close.ts'
import { describeCounts } from './quota/counts.ts'
import { describeOpenBefore } from './quota/open-before.ts'
import { describeRate } from './quota/rate.ts'
import { describeReserve } from './quota/reserve.ts'

export interface QuotaEngine {
  readonly quota: Quota
  /** A quota that also answers the number of a user's open reservations, as with RabbitMQ. */
  readonly counting: Quota
  close(): Promise<void>
}

/** Checks a quota store: it admits exactly as much as the limits allow, and charges each run once (I1, I3). */
export function describeQuotaContract(name: string, makeEngine: () => Promise<QuotaEngine>): void {
  let engine: QuotaEngine
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine?.close())

  const quota = deferred(() => engine.quota)
  describeReserve(name, quota)
  describeRate(name, quota)
  describeClose(name, quota)
  describeOpenBefore(name, quota)
  describeCounts(
    name,
    deferred(() => engine.counting),
  )
}
