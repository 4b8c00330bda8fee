import type { LifecyclePorts } from '../lifecycle/ports.ts'
import type { Clock } from '../platform/clock.ts'

export interface SweeperPorts extends LifecyclePorts {
  readonly clock: Clock
}
