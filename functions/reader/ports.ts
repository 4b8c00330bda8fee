import type { Ledger } from '../ledger/port.ts'
import type { LifecyclePorts } from '../lifecycle/ports.ts'
import type { Payloads } from '../payloads/port.ts'
import type { Clock, Sleep } from '../platform/clock.ts'

export interface ReaderPorts extends LifecyclePorts {
  readonly ledger: Pick<Ledger, 'result' | 'completed'>
  readonly payloads: Payloads
  readonly clock: Clock
  readonly sleep: Sleep
}
