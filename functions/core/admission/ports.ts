import type { Logger } from '@aws-lambda-powertools/logger'
import type { LifecyclePorts } from '../lifecycle/ports.ts'
import type { Clock } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import type { Meter } from '../platform/metrics/meter.ts'
import type { Tracer } from '../platform/tracing/port.ts'
import type { Payloads } from '../stores/payloads/port.ts'
import type { Settings } from './settings.ts'

/** The ports with which a request from any API or input queue is admitted and made durable. */
export interface AdmissionPorts extends LifecyclePorts {
  readonly payloads: Payloads
  readonly clock: Clock
  readonly ids: Ids
  readonly logger: Pick<Logger, 'warn' | 'error'>
  readonly metrics: Meter
  readonly tracing: Tracer
  readonly settings: Pick<Settings, 'gives_way_above'>
}
