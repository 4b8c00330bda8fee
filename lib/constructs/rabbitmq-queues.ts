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

/** The number of messages that shows that they are taken too slowly, if there are never fewer within a few minutes. */
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
 * The queues of a RabbitMQ broker. CloudFormation knows none of them: functions declare them. So in the template, a
 * queue consists of its name, the mappings that take its messages, and the metric that the sweeper publishes.
 */
export class RabbitMqQueues implements QueueBackend {
  readonly environment: Readonly<Record<keyof RabbitMqEnv, string>>
  readonly outputs: Readonly<Record<string, string>>
  readonly broker: Broker
  /** The queues so far. `QueueDeclarations` comes after the last one. */
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

  /** Makes a function move the messages of all bulk queues. */
  feedFromBulk(scope: Construct, mover: SluiceFunction): void {
    for (const { name, parts, batchSize } of this.#bulk)
      map(scope, `From-${name}`, { ...this.#props, mappings: this.mappings, name, parts, consumer: mover, batchSize })
  }

  /** Returns how long the worker of each queue with a bulk queue may run, in milliseconds, by the name of the queue. */
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
      description: `${queueName} has a message. One is enough, since a client waits for its request.`,
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
   * Lets a function connect to the broker. The one user of the broker has all rights, so only the code of a function
   * decides to which queues it sends.
   */
  allowSending(sender: SluiceFunction): void {
    this.#props.broker.allowConnecting(sender)
  }
}

/** The bulk queues of a model and a priority, and the number of messages that are moved at the same time. */
interface BulkQueue {
  readonly name: string
  readonly parts: readonly string[]
  readonly batchSize: number
  /** The longest time that a worker runs after it has taken messages, in milliseconds. */
  readonly longestCall: number
}

interface QueueProps extends RabbitMqQueuesProps {
  /** Gets each mapping of the queue. */
  readonly mappings: CfnEventSourceMapping[]
  readonly name: string
  /** The names of the queues that share the messages. */
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
    // The dead letters may be those of an input, which are large.
    map(this, 'Mapping', { ...this.#props, consumer, batchSize: INPUT_MESSAGES_OF_BROKER })
  }
}

interface WorkQueueOfBroker extends QueueProps {
  readonly consumerTimeout: Duration
  readonly deadLetters: DeadLetters
  readonly split: boolean
  /** Gets the bulk queues beside the queue. */
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
    // The mover moves half of an invocation's messages at a time. So a message of another user waits for few of them,
    // and the worker never waits for further messages.
    if (!split) return
    const longestCall = consumerTimeout.toMilliseconds()
    bulk.push({ name, parts: parts.map(bulkOf), batchSize: Math.ceil(batchSize / 2), longestCall })
  }
}

/**
 * Returns the number of waiting messages, as the sweeper publishes it: CloudWatch has no metrics of the queues of
 * RabbitMQ 4.
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

/** Adds a mapping per queue. Lambda runs one invocation at a time for each, and retries a whole batch. */
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
      // Lambda would gather messages for half a second by default.
      maximumBatchingWindowInSeconds: window?.toSeconds() ?? 0,
      sourceAccessConfigurations: [
        { type: 'BASIC_AUTH', uri: broker.secretArn },
        { type: 'VIRTUAL_HOST', uri: '/' },
      ],
    })
    mappings.push(mapping)
    // Lambda refuses a mapping if its role may not reach the broker yet.
    mapping.node.addDependency(consumer.role, consumer.lambda)
  }
}
