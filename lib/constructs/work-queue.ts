import type { Duration } from 'aws-cdk-lib'
import type { IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import type { WatchedQueue } from '../../functions/sweeper/ports.ts'
import type { AlarmProps, Alarms } from './alarms.ts'
import type { SluiceFunction } from './function.ts'

/** A metric, and the value from which the alarm starts. */
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
  /** Invokes the function with the messages of this queue. These messages are rare, so the mapping allows only few invocations at a time. */
  feed(consumer: SluiceFunction): void
}

export interface WorkQueueProps {
  readonly queueName: string
  /** The longest time for which a function has a message: the timeout of the function, plus the batch window if there is one. */
  readonly consumerTimeout: Duration
  /** The queue to which a message moves after too many receives. */
  readonly deadLetters: DeadLetters
  /**
   * Whether the messages are divided by user among several queues. Only RabbitMQ needs this, because Lambda runs one
   * invocation at a time per queue of RabbitMQ.
   */
  readonly split?: boolean
}

export interface ConsumerProps {
  readonly batchSize: number
  /** How long Lambda waits until a batch is full. Default: Lambda does not wait. */
  readonly window?: Duration
  /** The most simultaneous invocations. */
  readonly maxConcurrency: number
}

/**
 * A queue whose messages a function handles. CloudFormation deletes the queue with the stack, or when its model is removed.
 * The messages are lost then, but their requests are not: the request items and the reservations are kept, and
 * show which requests were waiting in the queue. The sweeper fails the queued requests of a removed model.
 */
export interface WorkQueue {
  readonly name: string
  readonly deadLetters: DeadLetters
  /** Returns the number of waiting messages. */
  waiting(): IMetric
  /** Returns the metric with the age of the oldest message, in seconds. Returns undefined if the backend does not measure this age. */
  oldest(): Metric | undefined
  /** Returns the limit from which functions take the messages too slowly. It fits a queue whose messages are usually taken within a second. */
  late(): Limit
  /** Invokes the function with this queue's messages as soon as there are any. */
  feed(consumer: SluiceFunction, id: string, props: ConsumerProps): void
}

/** The queues of a stack, of one backend. */
export interface QueueBackend {
  /** The environment variables that functions need to reach the queues. */
  readonly environment: Readonly<Record<string, string>>
  /** The outputs of the stack that the operator's command line needs to reach the queues, by the name of the output. */
  readonly outputs: Readonly<Record<string, string>>
  /**
   * Returns all queues that were added so far, for the sweeper: it publishes the number of waiting messages of each. The
   * method is absent for SQS, because AWS itself publishes these numbers.
   */
  watched?(): WatchedQueue[]
  workQueue(scope: Construct, id: string, props: WorkQueueProps): WorkQueue
  deadLetters(scope: Construct, id: string, props: DeadLettersProps): DeadLetters
  /** Lets a function send to these queues. */
  allowSending(sender: SluiceFunction, queues: readonly WorkQueue[]): void
}
