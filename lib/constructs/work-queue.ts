import { Duration } from 'aws-cdk-lib'
import { MathExpression, type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { MESSAGE_RETENTION_MS } from '../../functions/core/domain/timing.ts'
import { ALARM_PERIOD, type Alarms } from './alarms.ts'
import type { SluiceFunction } from './function.ts'

/** The longest that SQS allows. Messages outlive a long weekend without an operator, and any `queue.expire_after`. */
const RETENTION = Duration.millis(MESSAGE_RETENTION_MS)

/**
 * A message stays invisible this much longer than its function's timeout, so that Lambda can hand it over and delete it.
 *
 * AWS advises six times the timeout, because a throttled function wastes receives. Here that is not needed: the maximum concurrency of
 * a mapping keeps its pollers from receiving more than the function runs, and the lease in the request item keeps a second delivery
 * from running twice. So the messages of a crashed worker come back as soon as they can (docs/adr/0003).
 */
const VISIBILITY_MARGIN = Duration.seconds(30)

/** Longer than the collector's timeout. If the request of a message still has a valid lease, the message comes back after this time. */
const DEAD_LETTER_VISIBILITY = Duration.minutes(5)

/**
 * The highest number that SQS allows: it takes more than half a day. So messages wait while a table, the ledger or a model's secret can't
 * be reached. A deferral is a new message, so it does not count here. Crashes are counted in the request's item, and the sweeper ends
 * overdue requests.
 */
const MAX_RECEIVES = 1000

const COMMON = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: RETENTION }

export interface DeadLettersProps {
  readonly alarms: Alarms
  readonly queueName: string
}

/** The dead-letter queue of one or more queues, and its alarm. */
export class DeadLetters extends Construct {
  readonly name: string
  readonly queue: Queue

  constructor(scope: Construct, id: string, { alarms, queueName }: DeadLettersProps) {
    super(scope, id)
    this.name = queueName
    this.queue = new Queue(this, 'Queue', { ...COMMON, queueName, visibilityTimeout: DEAD_LETTER_VISIBILITY })
    alarms.add(this, 'Alarm', {
      metric: new MathExpression({
        // CloudWatch samples the waiting messages, and a consumer takes a message before the next sample: so received ones count too.
        // Without a consumer, none is received: so waiting ones count.
        expression: 'MAX([FILL(waiting, 0), FILL(received, 0)])',
        usingMetrics: {
          waiting: this.queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM }),
          received: this.queue.metricNumberOfMessagesReceived({ statistic: Stats.SUM }),
        },
        period: ALARM_PERIOD,
        label: 'dead letters',
      }),
      threshold: 1,
      description: `${queueName} got a message. One is enough, since a client waits for its request.`,
      runbook: 'a-dead-letter-queue-is-not-empty',
    })
  }

  /** Invokes the function with dead letters. They are rare, so the mapping is as small as possible. */
  feed(consumer: SluiceFunction): void {
    map(this, 'Mapping', this.queue, consumer, { batchSize: 10, maxConcurrency: 2 })
  }
}

export interface WorkQueueProps {
  readonly queueName: string
  /** The longest time for which a consumer has a message. */
  readonly consumerTimeout: Duration
  /** A message goes here after too many receives. */
  readonly deadLetters: DeadLetters
}

export interface ConsumerProps {
  readonly batchSize: number
  /** A batch waits this long to become full. Default: it does not wait. */
  readonly window?: Duration
  /** The most simultaneous invocations. */
  readonly maxConcurrency: number
}

/**
 * A queue of work. It is deleted with the stack or with its model. The request items and the reservations are kept, and say which
 * requests were waiting in it.
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

  /** The age of the oldest message, in seconds. SQS leaves out messages that were received three times. */
  oldest(): Metric {
    return this.queue.metricApproximateAgeOfOldestMessage({ period: ALARM_PERIOD, statistic: Stats.MAXIMUM })
  }

  /** Invokes the function with this queue's messages as soon as there are any. The function reports the failed ones. */
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
  // Lambda refuses a mapping if its role may not receive from the queue yet.
  mapping.node.addDependency(consumer.role)
}
