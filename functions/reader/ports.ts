import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { WaitPorts } from '../core/lifecycle/wait-for-completion.ts'
import type { Calls } from '../core/platform/call-counter.ts'
import type { Ledger } from '../core/stores/ledger/port.ts'
import type { Payloads } from '../core/stores/payloads/port.ts'
import type { Settings } from './settings.ts'

export interface ReaderPorts extends LifecyclePorts, Omit<WaitPorts, 'items' | 'ledger' | 'payloads'> {
  readonly payloads: Payloads
  readonly ledger: Pick<Ledger, 'result' | 'completed' | 'erase'>
  readonly calls: Calls
  readonly settings: Pick<Settings, 'quotas' | 'models'>
}
