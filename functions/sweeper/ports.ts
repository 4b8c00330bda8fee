import type { Logger } from '@aws-lambda-powertools/logger'
import type { Metrics } from '@aws-lambda-powertools/metrics'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { Clock } from '../core/platform/clock.ts'

export interface SweeperPorts extends LifecyclePorts {
  readonly clock: Clock
  /** The models of pipeline.yaml. */
  readonly models: readonly string[]
}

/** A queue whose waiting messages are published, and the queues that share its messages. All names are whole. */
export interface WatchedQueue {
  readonly name: string
  readonly parts: readonly string[]
}

export interface WatchPorts {
  readonly watched: readonly WatchedQueue[]
  /** The number of waiting messages in a queue of this whole name; 0 if there is no such queue. Rejects with `Unavailable`. */
  countMessages(queue: string): Promise<number>
  readonly metrics: Pick<Metrics, 'singleMetric'>
  readonly logger: Pick<Logger, 'warn'>
}
