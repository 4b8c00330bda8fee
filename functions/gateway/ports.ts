import type { Metrics } from '@aws-lambda-powertools/metrics'
import type { LifecyclePorts } from '../lifecycle/ports.ts'
import type { Payloads } from '../payloads/port.ts'
import type { Clock } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'

export interface GatewayPorts extends LifecyclePorts {
  readonly payloads: Payloads
  readonly clock: Clock
  readonly ids: Ids
  readonly metrics: Pick<Metrics, 'addMetric'>
}
