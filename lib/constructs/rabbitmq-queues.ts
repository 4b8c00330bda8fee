import type { Duration } from 'aws-cdk-lib'
import { type IMetric, type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import type { RabbitMqEnv } from '../../functions/core/platform/env.ts'
import { beforeBulk, bulkOf, partsOf } from '../../functions/core/queue/names.ts'
import type { WatchedQueue } from '../../functions/sweeper/ports.ts'
import { INPUT_MESSAGES_OF_BROKER } from '../config/executions.ts'
import type { Pipeline } from '../config/schema.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Broker } from './broker.ts'
import type { SluiceFunction } from './function.ts'
import { metricOf } from './metrics.ts'
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
 * The number of waiting messages from which a queue is late. The alarm starts if the queue has at least this number of
 * messages all the time, for three periods of five minutes. A short burst of messages starts no alarm.
 */
const LATE_MESSAGES = 100

/** A queue that must be on the broker, and the dead-letter queue of its messages. */
export interface QueueDeclaration {
  readonly name: string
  readonly deadLetters?: string
}

interface RabbitMqQueuesProps {
  readonly pipeline: Pipeline
  readonly broker: Broker
  readonly consumers: number
}

/**
 * The queues of a RabbitMQ broker. CloudFormation has no resource for such a queue, so a function declares the queues on
 * the broker. In the template, a queue consists of its name, the mappings that take its messages, and the metric that
 * the sweeper publishes.
 */
export class RabbitMqQueues implements QueueBackend {
  readonly environment: Readonly<Record<keyof RabbitMqEnv, string>>
  readonly outputs: Readonly<Record<string, string>>
  readonly broker: Broker
  /** All queues that were added so far. Construct `QueueDeclarations` after the last queue, so that every queue is declared. */
  readonly declarations: QueueDeclaration[] = []
  readonly mappings: CfnEventSourceMapping[] = []
  readonly #bulk: BulkQueue[] = []
  readonly #props: RabbitMqQueuesProps
  readonly #watched: WatchedQueue[] = []

  constructor(props: RabbitMqQueuesProps) {
    this.#props = props
    const { pipeline, broker, consumers } = props
    this.broker = broker
    this.environment = {
      QUEUE_NAME_PREFIX: `${pipeline.name}-`,
      BROKER_URL: broker.url,
      BROKER_SECRET_ARN: broker.secretArn,
      QUEUE_CONSUMERS: String(consumers),
    }
    this.outputs = { QueueNamePrefix: this.environment.QUEUE_NAME_PREFIX }
  }

  workQueue(scope: Construct, id: string, props: WorkQueueProps): WorkQueue {
    const { queueName, consumerTimeout, deadLetters, split = false } = props
    const parts = partsOf(queueName, split ? this.#props.consumers : 1)
    const bulk = split ? parts.map(bulkOf) : []
    this.declarations.push(...[...parts, ...bulk].map(name => ({ name, deadLetters: deadLetters.name })))
    return new RabbitMqQueue(scope, id, {
      ...this.#known(queueName, parts, bulk),
      consumerTimeout,
      deadLetters,
      split,
      bulk: this.#bulk,
    })
  }

  /**
   * Makes the function `mover` take the messages of all bulk queues. It moves each message to the queue from which a worker
   * takes messages. Messages of users with many open requests wait in bulk queues, so that other users' messages go first.
   */
  feedFromBulk(scope: Construct, mover: SluiceFunction): void {
    for (const { name, parts, batchSize } of this.#bulk)
      map(scope, `From-${name}`, { ...this.#props, mappings: this.mappings, name, parts, consumer: mover, batchSize })
  }

  /**
   * Returns the longest time for which a worker has the messages of a queue, in milliseconds, by the name of the queue.
   * The result has only the queues that have a bulk queue, because only the function that empties bulk queues uses it.
   */
  longestCalls(): Record<string, number> {
    return Object.fromEntries(
      this.#bulk.flatMap(({ parts, longestCall }) => parts.map(part => [beforeBulk(part), longestCall])),
    )
  }

  deadLetters(scope: Construct, id: string, { alarms, queueName }: DeadLettersProps): DeadLetters {
    this.declarations.push({ name: queueName })
    const queue = new RabbitMqDeadLetters(scope, id, this.#known(queueName, [queueName], []))
    alarms.add(queue, 'Alarm', {
      metric: queue.waiting(),
      threshold: 1,
      description: `${queueName} has a message. A single message starts the alarm, because a client waits for its request.`,
      runbook: 'a-dead-letter-queue-is-not-empty',
    })
    return queue
  }

  #known(name: string, parts: readonly string[], bulk: readonly string[]): QueueProps {
    this.#watched.push({ name, parts: [...parts, ...bulk] })
    return { ...this.#props, mappings: this.mappings, name, parts }
  }

  watched(): WatchedQueue[] {
    return this.#watched.map(({ name, parts }) => ({ name, parts: [...parts] }))
  }

  /**
   * Lets a function connect to the broker. All functions log in as the same RabbitMQ user, who has all rights. So no
   * permission limits the queues to which a function sends: only its code decides this.
   */
  allowSending(sender: SluiceFunction): void {
    this.#props.broker.allowConnecting(sender)
  }
}

/** The bulk queues of one queue of a model. */
interface BulkQueue {
  /** The name of the queue to which the messages are moved. */
  readonly name: string
  /** The names of the bulk queues. */
  readonly parts: readonly string[]
  /** The most messages that one invocation moves. */
  readonly batchSize: number
  /** The longest time that a worker runs after it has taken messages, in milliseconds. */
  readonly longestCall: number
}

interface QueueProps extends RabbitMqQueuesProps {
  /** The list to which each mapping of the queue is added. */
  readonly mappings: CfnEventSourceMapping[]
  readonly name: string
  /** The names of the queues on the broker among which the messages are divided. Without a division, this is only `name`. */
  readonly parts: readonly string[]
}

class RabbitMqDeadLetters extends Construct implements DeadLetters {
  readonly name: string
  readonly #props: QueueProps

  constructor(scope: Construct, id: string, props: QueueProps) {
    super(scope, id)
    this.name = props.name
    this.#props = props
  }

  waiting(): Metric {
    return waitingIn(this.#props)
  }

  feed(consumer: SluiceFunction): void {
    // The messages of a dead-letter queue may come from an input queue, and then may have 1 MB. An event of Lambda has at most
    // 6 MB. So an invocation takes only a few messages.
    map(this, 'Mapping', { ...this.#props, consumer, batchSize: INPUT_MESSAGES_OF_BROKER })
  }
}

interface WorkQueueOfBroker extends QueueProps {
  readonly consumerTimeout: Duration
  readonly deadLetters: DeadLetters
  readonly split: boolean
  /** The list to which the bulk queues of this queue are added. */
  readonly bulk: BulkQueue[]
}

class RabbitMqQueue extends Construct implements WorkQueue {
  readonly name: string
  readonly deadLetters: DeadLetters
  readonly #props: WorkQueueOfBroker

  constructor(scope: Construct, id: string, props: WorkQueueOfBroker) {
    super(scope, id)
    this.name = props.name
    this.deadLetters = props.deadLetters
    this.#props = props
  }

  waiting(): IMetric {
    return waitingIn(this.#props)
  }

  /** Returns undefined, because RabbitMQ does not report the age of a message. */
  oldest(): undefined {
    return undefined
  }

  late(): Limit {
    const metric = waitingIn(this.#props).with({ statistic: Stats.MINIMUM })
    return { metric, threshold: LATE_MESSAGES, periods: 3 }
  }

  feed(consumer: SluiceFunction, id: string, { batchSize, window }: ConsumerProps): void {
    map(this, id, { ...this.#props, consumer, batchSize, ...(window && { window }) })
    const { name, parts, bulk, split, consumerTimeout } = this.#props
    // The function that empties bulk queues moves half as many messages at a time as the worker takes. So a message of
    // another user waits behind only a few moved messages. Still, enough are moved that the worker never waits for them.
    if (!split) return
    const longestCall = consumerTimeout.toMilliseconds()
    bulk.push({ name, parts: parts.map(bulkOf), batchSize: Math.ceil(batchSize / 2), longestCall })
  }
}

/**
 * Returns the metric with the number of waiting messages. The sweeper publishes this metric, because Amazon MQ reports no
 * metrics of single queues of RabbitMQ 4 to CloudWatch.
 */
const waitingIn = ({ pipeline, name }: QueueProps): Metric =>
  metricOf('WaitingMessages', {
    namespace: pipeline.observability.namespace,
    service: `${pipeline.name}-sweeper`,
    queue: name,
  }).with({ statistic: Stats.MAXIMUM, period: ALARM_PERIOD, label: name })

interface MappingProps extends QueueProps {
  readonly consumer: SluiceFunction
  readonly batchSize: number
  readonly window?: Duration
}

/**
 * Adds one event source mapping per queue. For each mapping, Lambda runs one invocation at a time. If an invocation fails, Lambda
 * retries its whole batch. So a function does not fail because of a single message: it sends this message again itself.
 */
function map(
  scope: Construct,
  id: string,
  { broker, mappings, parts, consumer, batchSize, window }: MappingProps,
): void {
  broker.allowTaking(consumer)
  for (const [i, queue] of parts.entries()) {
    const mapping = new CfnEventSourceMapping(scope, i === 0 ? id : `${id}${i + 1}`, {
      functionName: consumer.lambda.functionName,
      eventSourceArn: broker.arn,
      queues: [queue],
      batchSize,
      // By default, Lambda gathers messages for half a second before it calls the function. A window of 0 avoids this delay.
      maximumBatchingWindowInSeconds: window?.toSeconds() ?? 0,
      sourceAccessConfigurations: [
        { type: 'BASIC_AUTH', uri: broker.secretArn },
        { type: 'VIRTUAL_HOST', uri: '/' },
      ],
    })
    mappings.push(mapping)
    // Lambda refuses a mapping if the function's role may not reach the broker yet. So CloudFormation must create the role first.
    mapping.node.addDependency(consumer.role, consumer.lambda)
  }
}
