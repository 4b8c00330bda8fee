import type { RequestItems } from '../items/port.ts'
import type { Ledger } from '../ledger/port.ts'
import type { Quota } from '../quota/port.ts'

export interface CollectorPorts {
  readonly items: Pick<RequestItems, 'decide'>
  readonly ledger: Pick<Ledger, 'record'>
  readonly quota: Pick<Quota, 'close'>
}
