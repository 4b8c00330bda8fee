import { Duration } from 'aws-cdk-lib'
import { Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { DEAD_LETTERS } from '../../functions/queue/names.ts'
import { ALARM_PERIOD, type Alarms } from './alarms.ts'
import type { SluiceFunction } from './function.ts'

/** SQS's longest: messages outlive a long weekend without an operator, and any `queue.expire_after`. */
const RETENTION = Duration.days(14)

/**
 * What a message stays invisible for after its function's timeout, for Lambda to hand it over and to delete it.
 *
 * AWS advises six times the timeout, against the receives that a throttled function wastes. Here a mapping's maximum
 * concurrency keeps its pollers from taking more than the function runs, and the lease in the request item keeps a second
 * delivery from running twice; so a crashed worker's messages come back as soon as they can (docs/adr/0003).
 */
const VISIBILITY_MARGIN = Duration.seconds(30)

/** Over the collector's timeout; a message whose request still has a live lease is looked at again so much later. */
const DEAD_LETTER_VISIBILITY = Duration.minutes(5)

export interface WorkQueueProps {
  readonly alarms: Alarms
  readonly queueName: string
  /** How long a consumer may have a message. */
  readonly consumerTimeout: Duration
  /** How often a message is received before it becomes a dead letter. */
  readonly maxReceiveCount: number
  /** Alarms when the oldest message is as old as this. */
  readonly oldest: { readonly age: Duration; readonly description: string; readonly runbook: string }
}

export interface ConsumerProps {
  readonly batchSize: number
  /** How long a batch waits to be full; not at all by default. */
  readonly window?: Duration
  /** Simultaneous invocations. */
  readonly maxConcurrency: number
}

/**
 * A queue with its dead-letter queue and alarms. Both are deleted with the stack or with their model: the request items
 * and the reservations, which are kept, say what was waiting in them.
 */
export class WorkQueue extends Construct {
  readonly name: string
  readonly queue: Queue
  readonly deadLetters: Queue

  constructor(scope: Construct, id: string, props: WorkQueueProps) {
    super(scope, id)
    this.name = props.queueName
    const common = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: RETENTION }
    this.deadLetters = new Queue(this, 'DeadLetters', {
      ...common,
      queueName: this.name + DEAD_LETTERS,
      visibilityTimeout: DEAD_LETTER_VISIBILITY,
    })
    this.queue = new Queue(this, 'Queue', {
      ...common,
      queueName: this.name,
      visibilityTimeout: props.consumerTimeout.plus(VISIBILITY_MARGIN),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: props.maxReceiveCount },
    })
    props.alarms.add(this, 'DeadLettersAlarm', {
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({
        period: ALARM_PERIOD,
        statistic: Stats.MAXIMUM,
      }),
      threshold: 1,
      description: `${this.name} gave up a message. From 1, since each is a request that somebody waits for.`,
      runbook: 'a-dead-letter-queue-is-not-empty',
    })
    props.alarms.add(this, 'OldestAlarm', {
      metric: this.queue.metricApproximateAgeOfOldestMessage({ period: ALARM_PERIOD, statistic: Stats.MAXIMUM }),
      threshold: props.oldest.age.toSeconds(),
      description: props.oldest.description,
      runbook: props.oldest.runbook,
    })
  }

  /** Invokes the function with this queue's messages, as soon as there are any; it reports the ones that failed. */
  feed(consumer: SluiceFunction, id: string, props: ConsumerProps): void {
    this.#map(this.queue, consumer, id, props)
  }

  /** The same for what the queue gave up, which is rare: the least that a mapping can be. */
  feedDeadLetters(consumer: SluiceFunction, id: string): void {
    this.#map(this.deadLetters, consumer, id, { batchSize: 10, maxConcurrency: 2 })
  }

  #map({ queueArn }: Queue, consumer: SluiceFunction, id: string, props: ConsumerProps): void {
    consumer.allow(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
      [queueArn],
    )
    const mapping = new EventSourceMapping(this, id, {
      target: consumer.lambda,
      eventSourceArn: queueArn,
      batchSize: props.batchSize,
      ...(props.window && { maxBatchingWindow: props.window }),
      maxConcurrency: props.maxConcurrency,
      reportBatchItemFailures: true,
    })
    // Lambda refuses a mapping whose role may not receive yet.
    mapping.node.addDependency(consumer.role)
  }
}
