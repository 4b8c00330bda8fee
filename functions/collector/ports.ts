import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { Clock } from '../core/platform/clock.ts'
import type { Ledger } from '../core/stores/ledger/port.ts'

export interface CollectorPorts extends LifecyclePorts {
  readonly ledger: Pick<Ledger, 'record'>
  readonly clock: Clock
}
