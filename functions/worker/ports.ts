import type { Mappings } from '../inference/mapping.ts'
import type { ModelEndpoint } from '../inference/port.ts'
import type { LifecyclePorts } from '../lifecycle/ports.ts'
import type { Payloads } from '../payloads/port.ts'
import type { Clock } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'

export interface WorkerPorts extends LifecyclePorts {
  readonly endpoint: ModelEndpoint
  readonly mappings: Mappings
  readonly payloads: Payloads
  readonly clock: Clock
  readonly ids: Ids
}
