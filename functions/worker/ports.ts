import type { Logger } from '@aws-lambda-powertools/logger'
import type { Metrics } from '@aws-lambda-powertools/metrics'
import type { FlowControl } from '../core/flow-control/port.ts'
import type { Judge } from '../core/inference/judge.ts'
import type { Mappings } from '../core/inference/mapping.ts'
import type { ModelEndpoint } from '../core/inference/port.ts'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { Clock, Sleep } from '../core/platform/clock.ts'
import type { Ids } from '../core/platform/ids.ts'
import type { Random } from '../core/platform/random.ts'
import type { QueueBackend } from '../core/queue/port.ts'
import type { Payloads } from '../core/stores/payloads/port.ts'
import type { Settings } from './settings.ts'

export interface WorkerPorts extends LifecyclePorts {
  readonly queue: QueueBackend
  readonly flowControl: FlowControl
  readonly endpoint: ModelEndpoint
  readonly judge: Judge
  readonly mappings: Mappings
  readonly payloads: Payloads
  readonly clock: Clock
  readonly sleep: Sleep
  readonly ids: Ids
  readonly random: Random
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info'>
  readonly metrics: Pick<Metrics, 'addMetric'>
  readonly settings: Pick<Settings, 'batched' | 'retry' | 'rate_limit' | 'store_prompts'> & {
    readonly endpoint: Pick<Settings['endpoint'], 'timeout_ms'>
  }
}
