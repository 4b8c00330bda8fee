import type { Logger } from '@aws-lambda-powertools/logger'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { Clock } from '../core/platform/clock.ts'
import type { Meter } from '../core/platform/metrics/meter.ts'
import type { Tracer } from '../core/platform/tracing/port.ts'
import type { Announcer, MessageQueue, QueueBackend, Redelivery } from '../core/queue/port.ts'
import type { Ledger } from '../core/stores/ledger/port.ts'
import type { Payloads } from '../core/stores/payloads/port.ts'

export interface CollectorPorts extends LifecyclePorts {
  readonly queue: MessageQueue & Partial<Announcer>
  readonly payloads: Pick<Payloads, 'get' | 'delete'>
  readonly ledger: Pick<Ledger, 'record'>
  readonly clock: Clock
  readonly tracing: Tracer
}

/** The ports for collecting events, and for logging and counting the results. */
export interface TakeResultsPorts extends CollectorPorts {
  readonly queue: CollectorPorts['queue'] & Pick<QueueBackend, 'capabilities'> & Partial<Redelivery>
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly metrics: Meter
  /**
   * Whether the ledger gets the prompts of messages from dead-letter queues. False if pipeline.yaml says that prompts
   * are not stored.
   */
  readonly stores_prompts?: boolean | undefined
}
