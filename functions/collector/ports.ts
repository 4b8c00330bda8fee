import type { Ledger } from '../ledger/port.ts'
import type { LifecyclePorts } from '../lifecycle/ports.ts'
import type { Clock } from '../platform/clock.ts'

export interface CollectorPorts extends LifecyclePorts {
  readonly ledger: Pick<Ledger, 'record'>
  readonly clock: Clock
}
