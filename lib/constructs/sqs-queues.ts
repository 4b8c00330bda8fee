import { Duration, Stack } from 'aws-cdk-lib'
import { type IMetric, MathExpression, type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { MESSAGE_RETENTION_MS } from '../../functions/core/domain/timing.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { SluiceFunction } from './function.ts'
import type {
  ConsumerProps,
  DeadLetters,
  DeadLettersProps,
  Limit,
  QueueBackend,
  WorkQueue,
  WorkQueueProps,
} from './work-queue.ts'

/**
 * How long queues keep messages: the longest time that SQS allows. It is longer than a long weekend without an
 * operator, and than any `queue.expire_after`.
 */
const RETENTION = Duration.millis(MESSAGE_RETENTION_MS)

/**
 * How much longer than its function's timeout a message stays invisible, so that Lambda can hand it over and delete it.
 *
 * AWS advises six times the timeout, because a throttled function wastes receives. Here that is not needed: the maximum concurrency of
 * a mapping keeps its pollers from receiving more than the function runs, and the lease in the request item keeps a second delivery
 * from running twice. So the messages of a crashed worker come back as soon as they can (docs/adr/0003).
 */
const VISIBILITY_MARGIN = Duration.seconds(30)

/**
 * The visibility timeout of dead-letter queues, which is longer than the collector's timeout. If the request of a
 * message still has a valid lease, the message comes back after this time.
 */
const DEAD_LETTER_VISIBILITY = Duration.minutes(5)

/**
 * The number of receives after which a message moves to the dead-letter queue: the highest number that SQS allows.
 * These receives take more than half a day, so messages wait while a table, the ledger or a model's secret can't be
 * reached. A deferral is a new message, so it does not count. Crashes are counted in the request's item, and the
 * sweeper ends overdue requests.
 */
const MAX_RECEIVES = 1000

/** The age from which a message is late, if messages are usually taken within a second. */
const LATE = Duration.minutes(5)

const COMMON = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: RETENTION }

/** The queues of SQS. The name of each begins with the name of the pipeline, except those of inputs. */
export class SqsQueues implements QueueBackend {
  readonly environment: { readonly QUEUE_URL_PREFIX: string }
  readonly outputs: { readonly QueueUrlPrefix: string }

  constructor(scope: Construct, pipelineName: string) {
    const { region, urlSuffix, account } = Stack.of(scope)
    // The first part of each queue's URL. Functions add the last part of the name (functions/core/queue/names.ts).
    const prefix = `https://sqs.${region}.${urlSuffix}/${account}/${pipelineName}-`
    this.environment = { QUEUE_URL_PREFIX: prefix }
    this.outputs = { QueueUrlPrefix: prefix }
  }

  workQueue(scope: Construct, id: string, props: WorkQueueProps): SqsWorkQueue {
    return new SqsWorkQueue(scope, id, props)
  }

  deadLetters(scope: Construct, id: string, props: DeadLettersProps): SqsDeadLetters {
    return new SqsDeadLetters(scope, id, props)
  }

  allowSending(sender: SluiceFunction, queues: readonly WorkQueue[]): void {
    sender.allow(
      ['sqs:SendMessage'],
      queues.map(queue => ofSqs(queue).queueArn),
    )
  }
}

/** Returns the SQS queue of a work queue or a dead-letter queue. Throws for a queue of another backend. */
function ofSqs(queue: WorkQueue | DeadLetters): Queue {
  if (queue instanceof SqsWorkQueue || queue instanceof SqsDeadLetters) return queue.queue
  throw new Error(`${queue.name} is not a queue of SQS`)
}

/** A dead-letter queue of SQS. */
class SqsDeadLetters extends Construct implements DeadLetters {
  readonly name: string
  readonly queue: Queue

  constructor(scope: Construct, id: string, { alarms, queueName }: DeadLettersProps) {
    super(scope, id)
    this.name = queueName
    this.queue = new Queue(this, 'Queue', { ...COMMON, queueName, visibilityTimeout: DEAD_LETTER_VISIBILITY })
    alarms.add(this, 'Alarm', {
      metric: new MathExpression({
        // CloudWatch samples the waiting messages, and a consumer may take a message before the next sample. So
        // received messages count, too. Without a consumer, no message is received, so waiting messages count.
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

  waiting(): IMetric {
    return waitingIn(this)
  }

  feed(consumer: SluiceFunction): void {
    map(this, 'Mapping', this.queue, consumer, { batchSize: 10, maxConcurrency: 2 })
  }
}

/** A work queue of SQS. */
export class SqsWorkQueue extends Construct implements WorkQueue {
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
      deadLetterQueue: { queue: ofSqs(deadLetters), maxReceiveCount: MAX_RECEIVES },
    })
  }

  waiting(): IMetric {
    return waitingIn(this)
  }

  /** Returns the age of the oldest message, without messages that were received three times, which SQS leaves out. */
  oldest(): Metric {
    return this.queue.metricApproximateAgeOfOldestMessage({ period: ALARM_PERIOD, statistic: Stats.MAXIMUM })
  }

  late(): Limit {
    return { metric: this.oldest(), threshold: LATE.toSeconds() }
  }

  /** Makes the function take this queue's messages. The function reports the failed messages of a batch. */
  feed(consumer: SluiceFunction, id: string, props: ConsumerProps): void {
    map(this, id, this.queue, consumer, props)
  }
}

const waitingIn = ({ name, queue }: SqsWorkQueue | SqsDeadLetters): IMetric =>
  queue.metricApproximateNumberOfMessagesVisible({ label: name })

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
