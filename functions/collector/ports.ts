import type { Logger } from '@aws-lambda-powertools/logger'
import type { Metrics } from '@aws-lambda-powertools/metrics'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { Clock } from '../core/platform/clock.ts'
import type { Announcer, MessageQueue } from '../core/queue/port.ts'
import type { Ledger } from '../core/stores/ledger/port.ts'
import type { Payloads } from '../core/stores/payloads/port.ts'

export interface CollectorPorts extends LifecyclePorts {
  readonly queue: MessageQueue & Partial<Announcer>
  readonly payloads: Pick<Payloads, 'get' | 'delete'>
  readonly ledger: Pick<Ledger, 'record'>
  readonly clock: Clock
}

/** What it takes to log and count the results of a batch, besides collecting them. */
export interface TakeResultsPorts extends CollectorPorts {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly metrics: Pick<Metrics, 'addMetric' | 'singleMetric'>
}
