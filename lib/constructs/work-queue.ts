import type { Duration } from 'aws-cdk-lib'
import type { IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import type { WatchedQueue } from '../../functions/sweeper/ports.ts'
import type { AlarmProps, Alarms } from './alarms.ts'
import type { SluiceFunction } from './function.ts'

/** A metric, and the value from which it is an alarm. */
export type Limit = Pick<AlarmProps, 'metric' | 'threshold' | 'periods'>

export interface DeadLettersProps {
  readonly alarms: Alarms
  readonly queueName: string
}

/** The dead-letter queue of one or more queues, and its alarm. */
export interface DeadLetters {
  readonly name: string
  /** Returns the number of waiting messages. */
  waiting(): IMetric
  /** Invokes the function with dead letters. They are rare, so the mapping is as small as possible. */
  feed(consumer: SluiceFunction): void
}

export interface WorkQueueProps {
  readonly queueName: string
  /** The longest time for which a consumer has a message. */
  readonly consumerTimeout: Duration
  /** The queue to which a message moves after too many receives. */
  readonly deadLetters: DeadLetters
  /** Whether the queue is split by user, if the backend runs one invocation at a time per queue. */
  readonly split?: boolean
}

export interface ConsumerProps {
  readonly batchSize: number
  /** How long a batch waits to become full. Default: it does not wait. */
  readonly window?: Duration
  /** The most simultaneous invocations. */
  readonly maxConcurrency: number
}

/**
 * A queue of work. It is deleted with the stack or with its model. The request items and the reservations are kept, and
 * show which requests were waiting in it.
 */
export interface WorkQueue {
  readonly name: string
  readonly deadLetters: DeadLetters
  /** Returns the number of waiting messages. */
  waiting(): IMetric
  /** Returns the age of the oldest message, in seconds. Returns undefined if the backend does not know it. */
  oldest(): Metric | undefined
  /** Returns the limit from which messages are taken too slowly, if they are usually taken within a second. */
  late(): Limit
  /** Invokes the function with this queue's messages as soon as there are any. */
  feed(consumer: SluiceFunction, id: string, props: ConsumerProps): void
}

/** The queues of a stack, of one backend. */
export interface QueueBackend {
  /** The variables with which functions reach the queues. */
  readonly environment: Readonly<Record<string, string>>
  /** The outputs of the stack with which the operator's command line reaches the queues, by name. */
  readonly outputs: Readonly<Record<string, string>>
  /**
   * Returns all queues so far whose waiting messages the sweeper must publish. Absent if the platform publishes these
   * numbers.
   */
  watched?(): WatchedQueue[]
  workQueue(scope: Construct, id: string, props: WorkQueueProps): WorkQueue
  deadLetters(scope: Construct, id: string, props: DeadLettersProps): DeadLetters
  /** Lets a function send to these queues. */
  allowSending(sender: SluiceFunction, queues: readonly WorkQueue[]): void
}
