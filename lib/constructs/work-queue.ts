import { Duration } from 'aws-cdk-lib'
import { MathExpression, type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { MESSAGE_RETENTION_MS } from '../../functions/core/domain/timing.ts'
import { ALARM_PERIOD, type Alarms } from './alarms.ts'
import type { SluiceFunction } from './function.ts'

/** SQS's longest: messages outlive a long weekend without an operator, and any `queue.expire_after`. */
const RETENTION = Duration.millis(MESSAGE_RETENTION_MS)

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

/**
 * SQS's most, of more than half a day: messages wait while a table, the ledger or a model's secret is away. Deferrals are
 * messages of their own, crashes are counted in the request's item, and the sweeper ends what is overdue.
 */
const MAX_RECEIVES = 1000

const COMMON = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: RETENTION }

export interface DeadLettersProps {
  readonly alarms: Alarms
  readonly queueName: string
}

/** The queue of what one or more others gave up, and its alarm. */
export class DeadLetters extends Construct {
  readonly name: string
  readonly queue: Queue

  constructor(scope: Construct, id: string, { alarms, queueName }: DeadLettersProps) {
    super(scope, id)
    this.name = queueName
    this.queue = new Queue(this, 'Queue', { ...COMMON, queueName, visibilityTimeout: DEAD_LETTER_VISIBILITY })
    alarms.add(this, 'Alarm', {
      metric: new MathExpression({
        // What is in it now is sampled, and a consumer takes a message within a second; without one, none is received.
        expression: 'MAX([FILL(waiting, 0), FILL(received, 0)])',
        usingMetrics: {
          waiting: this.queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM }),
          received: this.queue.metricNumberOfMessagesReceived({ statistic: Stats.SUM }),
        },
        period: ALARM_PERIOD,
        label: 'dead letters',
      }),
      threshold: 1,
      description: `${queueName} got a message. From 1, since each is a request that somebody waits for.`,
      runbook: 'a-dead-letter-queue-is-not-empty',
    })
  }

  /** Invokes the function with what comes, which is rare: the least that a mapping can be. */
  feed(consumer: SluiceFunction): void {
    map(this, 'Mapping', this.queue, consumer, { batchSize: 10, maxConcurrency: 2 })
  }
}

export interface WorkQueueProps {
  readonly queueName: string
  /** How long a consumer may have a message. */
  readonly consumerTimeout: Duration
  /** What it gives up goes here. */
  readonly deadLetters: DeadLetters
}

export interface ConsumerProps {
  readonly batchSize: number
  /** How long a batch waits to be full; not at all by default. */
  readonly window?: Duration
  /** Simultaneous invocations. */
  readonly maxConcurrency: number
}

/**
 * A queue of work. It is deleted with the stack or with its model: the request items and the reservations, which are kept,
 * say what was waiting in it.
 */
export class WorkQueue extends Construct {
  readonly name: string
  readonly queue: Queue
  readonly deadLetters: DeadLetters

  constructor(scope: Construct, id: string, { queueName, consumerTimeout, deadLetters }: WorkQueueProps) {
    super(scope, id)
    this.name = queueName
    this.deadLetters = deadLetters
    this.queue = new Queue(this, 'Queue', {
      ...COMMON,
      queueName,
      visibilityTimeout: consumerTimeout.plus(VISIBILITY_MARGIN),
      deadLetterQueue: { queue: deadLetters.queue, maxReceiveCount: MAX_RECEIVES },
    })
  }

  /** The age of its oldest message, of those that have not come thrice. */
  oldest(): Metric {
    return this.queue.metricApproximateAgeOfOldestMessage({ period: ALARM_PERIOD, statistic: Stats.MAXIMUM })
  }

  /** Invokes the function with this queue's messages, as soon as there are any; it reports the ones that failed. */
  feed(consumer: SluiceFunction, id: string, props: ConsumerProps): void {
    map(this, id, this.queue, consumer, props)
  }
}

function map(scope: Construct, id: string, { queueArn }: Queue, consumer: SluiceFunction, props: ConsumerProps): void {
  consumer.allow(
    ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
    [queueArn],
  )
  const mapping = new EventSourceMapping(scope, id, {
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
