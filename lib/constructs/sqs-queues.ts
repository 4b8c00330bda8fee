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
 * How long queues keep messages: the longest time that SQS allows. In this time, operators can react to an alarm, even
 * after a long weekend. The time is longer than any `queue.expire_after`, so no message is lost before its request expires.
 */
const RETENTION = Duration.millis(MESSAGE_RETENTION_MS)

/**
 * The visibility timeout of a queue is the timeout of its function plus this margin. Lambda needs the margin to hand over
 * messages and to delete them.
 *
 * AWS advises a visibility timeout of six times the function's timeout: Lambda may receive messages that a throttled
 * function can't take yet, and after too many such receives, SQS moves a message to the dead-letter queue. This is not
 * needed here. The maximum concurrency of a mapping limits the received messages to those that the function can take. The
 * lease in the request item (the worker's right to run the request, which has an end time) prevents that a second delivery
 * runs a request twice. The short visibility timeout has an advantage: the messages of a crashed worker are soon delivered
 * again (docs/adr/0003).
 */
const VISIBILITY_MARGIN = Duration.seconds(30)

/**
 * The visibility timeout of dead-letter queues, which is longer than the collector's timeout. If a worker still holds a
 * valid lease on the request of a message, the collector leaves the message, and SQS delivers it again after this time.
 */
const DEAD_LETTER_VISIBILITY = Duration.minutes(5)

/**
 * The number of receives after which a message moves to the dead-letter queue: the highest number that SQS allows.
 * The 1,000 receives take more than half a day. So messages survive an outage of that length, for example if a table,
 * the ledger or a model's secret can't be reached. If a worker defers a request, it sends a new message with a delay, so
 * the receives count from zero. A request can't run for ever in spite of the high number: the request item counts crashes,
 * and the sweeper ends overdue requests.
 */
const MAX_RECEIVES = 1000

/** The age from which a message is late. Usually, a function takes a message within a second. */
const LATE = Duration.minutes(5)

const COMMON = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: RETENTION }

/** The queues of a pipeline on SQS. The name of each queue begins with the name of the pipeline, except for input queues. */
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
        // The alarm counts waiting and received messages. CloudWatch counts waiting messages only from time to time, so it
        // misses a message that a consumer takes in between. The received messages show such a message. A queue without
        // a consumer has no received messages, so the waiting messages are needed, too.
        expression: 'MAX([FILL(waiting, 0), FILL(received, 0)])',
        usingMetrics: {
          waiting: this.queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM }),
          received: this.queue.metricNumberOfMessagesReceived({ statistic: Stats.SUM }),
        },
        period: ALARM_PERIOD,
        label: 'dead letters',
      }),
      threshold: 1,
      description: `${queueName} got a message. A single message starts the alarm, because a client waits for its request.`,
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

  /** Returns the age of the oldest message. SQS does not count messages that were received three times or more. */
  oldest(): Metric {
    return this.queue.metricApproximateAgeOfOldestMessage({ period: ALARM_PERIOD, statistic: Stats.MAXIMUM })
  }

  late(): Limit {
    return { metric: this.oldest(), threshold: LATE.toSeconds() }
  }

  /** Makes the function take this queue's messages. The function reports the failed messages of a batch, and SQS delivers only these again. */
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
  // Lambda refuses a mapping if the function's role may not receive from the queue yet. So CloudFormation must create the role first.
  mapping.node.addDependency(consumer.role)
}
