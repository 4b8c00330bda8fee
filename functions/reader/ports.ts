import type { Ledger } from '../ledger/port.ts'
import type { WaitPorts } from '../lifecycle/await-end.ts'
import type { LifecyclePorts } from '../lifecycle/ports.ts'
import type { Payloads } from '../payloads/port.ts'

export interface ReaderPorts extends LifecyclePorts, Omit<WaitPorts, 'items' | 'ledger' | 'payloads'> {
  readonly payloads: Payloads
  readonly ledger: Pick<Ledger, 'result' | 'completed'>
}
