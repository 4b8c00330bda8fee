import { Fn, Validations } from 'aws-cdk-lib'
import { CfnBroker, CfnConfiguration } from 'aws-cdk-lib/aws-amazonmq'
import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import { Port } from 'aws-cdk-lib/aws-ec2'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { Priority } from '../../functions/core/domain/ids.ts'
import { MAX_MESSAGE_BYTES } from '../../functions/core/queue/rabbitmq/capabilities.ts'
import { executionsOf } from '../config/executions.ts'
import type { RabbitMq } from '../config/queue-schema.ts'
import type { Pipeline } from '../config/schema.ts'
import { ALARM_PERIOD, type Alarms } from './alarms.ts'
import type { SluiceFunction } from './function.ts'
import type { FunctionNetwork } from './network.ts'

/** The port for AMQP with TLS, which all clients use. Amazon MQ has no port for AMQP without TLS. */
const AMQPS = Port.tcp(5671)

/**
 * The most connections that each node of a broker accepts by default, for each size of the broker. Each environment of
 * a function has one connection. When this number is reached, a new environment gets no connection, and clients get 503.
 */
const MAX_CONNECTIONS: Readonly<Record<RabbitMq['instance'], number>> = {
  'mq.m7g.medium': 100,
  'mq.m7g.large': 1_500,
  'mq.m7g.xlarge': 3_000,
  'mq.m7g.2xlarge': 6_000,
  'mq.m7g.4xlarge': 12_000,
  'mq.m7g.8xlarge': 24_000,
  'mq.m7g.12xlarge': 36_000,
  'mq.m7g.16xlarge': 48_000,
}
const NODES: Readonly<Record<RabbitMq['deployment'], number>> = { single: 1, cluster: 3 }

/**
 * The approximate number of unacknowledged messages of the results queue, of dead-letter queues and of input queues,
 * when all functions run.
 */
const OTHER_MESSAGES = 50

/**
 * The alarm on unacknowledged messages starts at this multiple of the messages that all functions can handle at the
 * same time. A message is unacknowledged only while a function handles it. So a much larger number shows that consumers
 * hold messages and do not handle them. The requests of these messages wait.
 */
const MAX_UNACKNOWLEDGED_BATCHES = 5

export interface BrokerProps {
  readonly pipeline: Pipeline
  readonly settings: RabbitMq
  readonly alarms: Alarms
  readonly network: FunctionNetwork
}

/**
 * RabbitMQ on Amazon MQ. Only functions and event source mappings in the VPC reach it, with TLS and with the password
 * of one secret. The disks of the broker are encrypted with a key of AWS, because RabbitMQ brokers on Amazon MQ support
 * no other key.
 */
export class Broker extends Construct {
  readonly arn: string
  /** `amqps://host:5671`, without credentials. */
  readonly url: string
  readonly secretArn: string
  readonly #name: string

  constructor(scope: Construct, id: string, props: BrokerProps) {
    super(scope, id)
    this.#name = props.pipeline.name
    const secret = this.#secret()
    this.secretArn = secret.secretArn
    const broker = this.#broker(props, secret)
    this.arn = broker.attrArn
    this.url = Fn.select(0, broker.attrAmqpEndpoints)
    this.#watch(props)
  }

  /** Lets a function connect and publish. */
  allowConnecting(fn: SluiceFunction): void {
    fn.allow(['secretsmanager:GetSecretValue'], [this.secretArn])
  }

  /** Lets an event source mapping take messages for a function, with the role of that function. */
  allowTaking(fn: SluiceFunction): void {
    fn.allow(['mq:DescribeBroker'], [this.arn])
    this.allowConnecting(fn)
  }

  #secret(): Secret {
    const secret = new Secret(this, 'Secret', {
      description: `The user of the broker of ${this.#name}.`,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username: 'sluice' }),
        generateStringKey: 'password',
        passwordLength: 40,
        excludePunctuation: true,
      },
    })
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'AWS has no rotation for users of RabbitMQ. Functions read the secret again when the broker refuses it, so an operator can change ' +
        'it at any time: the runbook says how.',
    })
    return secret
  }

  #broker({ settings, network }: BrokerProps, secret: Secret): CfnBroker {
    const { deployment, instance, version, maintenance } = settings
    const configuration = new CfnConfiguration(this, 'Configuration', {
      // For another version of RabbitMQ, CloudFormation creates a new configuration before it deletes the old one. Both
      // exist for a while, and need different names. So the name contains the version.
      name: `${this.#name}-${version.replace('.', '-')}`,
      engineType: 'RABBITMQ',
      engineVersion: version,
      data: Fn.base64(`max_message_size = ${MAX_MESSAGE_BYTES}\n`),
    })
    return new CfnBroker(this, 'Broker', {
      brokerName: this.#name,
      engineType: 'RABBITMQ',
      engineVersion: version,
      // AWS requires this setting. With it, AWS installs patches, and keeps the version of pipeline.yaml as long as AWS
      // supports that version.
      autoMinorVersionUpgrade: true,
      deploymentMode: deployment === 'cluster' ? 'CLUSTER_MULTI_AZ' : 'SINGLE_INSTANCE',
      hostInstanceType: instance,
      configuration: { id: configuration.attrId, revision: configuration.attrRevision },
      publiclyAccessible: false,
      subnetIds: deployment === 'cluster' ? [...network.subnetIds] : network.subnetIds.slice(0, 1),
      securityGroups: [this.#access(network)],
      maintenanceWindowStartTime: { dayOfWeek: maintenance.day, timeOfDay: maintenance.time, timeZone: 'UTC' },
      // Only the general log is on, because RabbitMQ has no audit log.
      logs: { general: true },
      users: [
        {
          username: secret.secretValueFromJson('username').unsafeUnwrap(),
          password: secret.secretValueFromJson('password').unsafeUnwrap(),
        },
      ],
    })
  }

  /**
   * Makes the security group of the broker. The event source mappings that take its messages are in the
   * same group. So the group also allows connections within the group, and the calls to AWS that these mappings make.
   */
  #access(network: FunctionNetwork): string {
    const access = network.newGroup(
      this,
      'Access',
      'The broker and its event source mappings: AMQP with TLS, and HTTPS to AWS.',
    )
    for (const from of network.allGroups()) {
      access.addIngressRule(from, AMQPS)
      from.addEgressRule(access, AMQPS)
    }
    access.addIngressRule(access, AMQPS)
    access.addEgressRule(access, AMQPS)
    network.allowAws(access)
    return access.securityGroupId
  }

  #metric(metricName: string): Metric {
    return new Metric({
      namespace: 'AWS/AmazonMQ',
      metricName,
      dimensionsMap: { Broker: this.#name },
      statistic: Stats.MAXIMUM,
      period: ALARM_PERIOD,
    })
  }

  /** The metrics of the broker, for the dashboard. */
  readonly metrics = {
    messages: (): IMetric[] => [this.#metric('MessageReadyCount'), this.#metric('MessageUnacknowledgedCount')],
    connections: (): IMetric[] => [this.#metric('ConnectionCount'), this.#metric('ChannelCount')],
    memory: (): IMetric[] => [this.#metric('RabbitMQMemUsed'), this.#metric('RabbitMQMemLimit')],
    disk: (): IMetric[] => [this.#metric('RabbitMQDiskFree'), this.#metric('RabbitMQDiskFreeLimit')],
    cpu: (): IMetric[] => [this.#metric('SystemCpuUtilization')],
  }

  #watch({ pipeline, settings, alarms }: BrokerProps): void {
    const connections = MAX_CONNECTIONS[settings.instance] * NODES[settings.deployment]
    const unacknowledged = MAX_UNACKNOWLEDGED_BATCHES * messagesTakenAtOnce(pipeline)
    alarms.add(this, 'MemoryAlarm', {
      metric: new MathExpression({
        expression: '100 * used / limit',
        usingMetrics: { used: this.#metric('RabbitMQMemUsed'), limit: this.#metric('RabbitMQMemLimit') },
        period: ALARM_PERIOD,
        label: 'percent of the memory limit',
      }),
      threshold: 80,
      description:
        'The broker has used 80 % of its memory. At 100 % it accepts no more messages, and clients get 503 until messages have left.',
      runbook: 'the-broker-is-full',
    })
    alarms.add(this, 'DiskAlarm', {
      metric: new MathExpression({
        expression: '100 * limit / free',
        usingMetrics: {
          free: this.#metric('RabbitMQDiskFree').with({ statistic: Stats.MINIMUM }),
          limit: this.#metric('RabbitMQDiskFreeLimit'),
        },
        period: ALARM_PERIOD,
        label: 'the limit in percent of the free disk',
      }),
      threshold: 50,
      description:
        'The disk of the broker is nearly full: its free space is less than twice the limit. Below the limit, the broker accepts no more messages, and clients get 503.',
      runbook: 'the-broker-is-full',
    })
    alarms.add(this, 'UnacknowledgedAlarm', {
      metric: this.#metric('MessageUnacknowledgedCount').with({ statistic: Stats.MINIMUM }),
      threshold: unacknowledged,
      periods: 3,
      description: `Functions have taken messages and don't acknowledge them. The alarm starts if there are ${unacknowledged} such messages for 15 minutes, which is ${MAX_UNACKNOWLEDGED_BATCHES} times as many as all functions take at once.`,
      runbook: 'messages-are-not-acknowledged',
    })
    alarms.add(this, 'ConnectionsAlarm', {
      metric: this.#metric('ConnectionCount'),
      threshold: Math.floor(connections * 0.8),
      description: `The broker has 80 % of the ${connections.toLocaleString('en-US')} connections that it accepts by default. Each environment of a function has one connection. With all connections in use, new environments get none, and clients get 503.`,
      runbook: 'the-broker-has-too-many-connections',
    })
  }
}

function messagesTakenAtOnce(pipeline: Pipeline): number {
  const executions = executionsOf(pipeline)
  return (
    Object.keys(pipeline.models)
      .flatMap(model => Priority.options.map(priority => executions.worker(model, priority)))
      // The factor 2: while workers handle this number of messages, the function that empties the bulk queues (the queues for messages of users with many
      // open requests) may hold the same number.
      .reduce((sum, { mapping, calls }) => sum + 2 * mapping * calls, OTHER_MESSAGES)
  )
}
