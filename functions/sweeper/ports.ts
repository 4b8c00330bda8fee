import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { Clock } from '../core/platform/clock.ts'

export interface SweeperPorts extends LifecyclePorts {
  readonly clock: Clock
  /** The models of pipeline.yaml. */
  readonly models: readonly string[]
}
