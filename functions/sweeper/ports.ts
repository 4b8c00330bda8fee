import type { Logger } from '@aws-lambda-powertools/logger'
import type { LifecyclePorts } from '../core/lifecycle/ports.ts'
import type { Clock } from '../core/platform/clock.ts'
import type { Meter } from '../core/platform/metrics/meter.ts'

export interface SweeperPorts extends LifecyclePorts {
  readonly clock: Clock
  /** The models of pipeline.yaml. */
  readonly models: readonly string[]
}

/**
 * A queue of RabbitMQ whose number of waiting messages is published as a metric. Alarms watch this metric. `parts` are
 * the queues among which its messages are divided. All names are complete: with the prefix of the deployment, except
 * the names of inputs, which have no prefix.
 */
export interface WatchedQueue {
  readonly name: string
  readonly parts: readonly string[]
}

export interface WatchPorts {
  readonly watched: readonly WatchedQueue[]
  /**
   * Returns the number of waiting messages in the queue with this name on the broker; 0 if there is no such queue.
   * Rejects with `Unavailable` if the service can't be reached.
   */
  countMessages(queue: string): Promise<number>
  readonly metrics: Meter
  readonly logger: Pick<Logger, 'warn'>
}
