import type { Logger } from '@aws-lambda-powertools/logger'
import type { Operation } from '../core/domain/operation.ts'
import type { FlowControl } from '../core/flow-control/port.ts'
import type { Judge } from '../core/inference/judge.ts'
import type { Mappings } from '../core/inference/mapping.ts'
import type { ModelEndpoint } from '../core/inference/port.ts'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { Clock, Sleep } from '../core/platform/clock.ts'
import type { Ids } from '../core/platform/ids.ts'
import type { Meter } from '../core/platform/metrics/meter.ts'
import type { Random } from '../core/platform/random.ts'
import type { Span, Tracer } from '../core/platform/tracing/port.ts'
import type { QueueBackend } from '../core/queue/port.ts'
import type { Payloads } from '../core/stores/payloads/port.ts'
import type { Isolation } from './isolation.ts'
import type { PassOn } from './pass-on.ts'
import type { Settings } from './settings.ts'

export interface WorkerPorts extends LifecyclePorts {
  readonly queue: QueueBackend
  readonly flowControl: FlowControl
  readonly endpoint: ModelEndpoint
  readonly judge: Judge
  readonly mappings: Mappings
  /** Set if the endpoint has the OpenAI API. */
  readonly passOn?: PassOn | undefined
  readonly payloads: Payloads
  readonly clock: Clock
  readonly sleep: Sleep
  readonly ids: Ids
  readonly random: Random
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info'>
  readonly metrics: Meter
  readonly tracing: Tracer
  /**
   * Keeps a request that may crash its environment apart from the others. Set if the environment runs several
   * invocations at the same time.
   */
  readonly isolation?: Isolation | undefined
  /**
   * Starts the span of a call to the model: for the active request, or, with links, for a batch of requests.
   * `operations` has the operation of each request of the call.
   */
  readonly startCallSpan: (operations: readonly (Operation | undefined)[], links?: readonly string[]) => Span
  readonly settings: Pick<Settings, 'batched' | 'retry' | 'rate_limit' | 'store_prompts' | 'price'> & {
    readonly endpoint: Pick<Settings['endpoint'], 'timeout_ms'>
  }
}
