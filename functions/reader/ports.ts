import type { RequestItems } from '../items/port.ts'
import type { Ledger } from '../ledger/port.ts'
import type { Payloads } from '../payloads/port.ts'
import type { Clock } from '../platform/clock.ts'
import type { Quota } from '../quota/port.ts'

export interface ReaderPorts {
  readonly items: Pick<RequestItems, 'get'>
  readonly quota: Pick<Quota, 'read'>
  readonly ledger: Pick<Ledger, 'result'>
  readonly payloads: Payloads
  readonly clock: Clock
}
