import { CfnOutput, Stack, Tags } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { Bundles } from './bundle.ts'
import { rabbitMqOf } from './config/queue-schema.ts'
import type { Pipeline } from './config/schema.ts'
import { Alarms } from './constructs/alarms.ts'
import { Authorizer } from './constructs/authorizer.ts'
import { Broker } from './constructs/broker.ts'
import { Dashboard } from './constructs/dashboard.ts'
import { Defects } from './constructs/defects.ts'
import type { Deployment } from './constructs/deployment.ts'
import { FrontDoor } from './constructs/front-door.ts'
import type { SluiceFunction } from './constructs/function.ts'
import { Gateway } from './constructs/gateway.ts'
import { Intake } from './constructs/intake.ts'
import { LedgerMigrations } from './constructs/ledger-migrations.ts'
import { Model } from './constructs/model.ts'
import { FunctionNetwork } from './constructs/network.ts'
import { policiesByModel } from './constructs/policies.ts'
import { QueueDeclarations } from './constructs/queue-declarations.ts'
import { RabbitMqQueues } from './constructs/rabbitmq-queues.ts'
import { Reader } from './constructs/reader.ts'
import { Results } from './constructs/results.ts'
import { Retention } from './constructs/retention.ts'
import { SqsQueues, SqsWorkQueue } from './constructs/sqs-queues.ts'
import { State } from './constructs/state.ts'
import { Sweeper } from './constructs/sweeper.ts'
import { TracesReceiver } from './constructs/traces-receiver.ts'
import type { QueueBackend } from './constructs/work-queue.ts'

export interface PartsProps {
  readonly pipeline: Pipeline
  readonly bundles: Bundles
  /**
   * Whether the tables and the database are protected from deletion, and also the stack if Sluice is its own stack.
   * Default: true. If a first deployment fails, it can be rolled back only without this protection, because a rollback
   * deletes everything that it has created.
   */
  readonly protect?: boolean
}

/** The parts of a deployment that others may use. */
export interface Parts {
  readonly alarms: Alarms
  readonly dashboard: Dashboard
  readonly frontDoor: FrontDoor
  /** Absent without inputs. */
  readonly intake: Intake | undefined
  readonly state: State
}

/**
 * Adds all of Sluice to a scope, and the outputs for the operator's command line to its stack. The construct `State` has the parts that
 * store data. The paths of all parts below the scope are fixed: CloudFormation replaces a resource whose path changes.
 */
export function addParts(scope: Construct, { pipeline, bundles, protect = true }: PartsProps): Parts {
  const { name } = pipeline
  const stack = Stack.of(scope)
  Tags.of(scope).add('Application', 'sluice')
  Tags.of(scope).add('Pipeline', name)

  const alarms = new Alarms(scope, 'Alarms')
  const receiver = pipeline.observability.tracing
  const tracing = receiver ? new TracesReceiver(scope, 'Traces', receiver) : undefined
  const network = networkOf(scope, pipeline)
  const deployment: Deployment = { pipeline, bundles, alarms, network, tracing }
  const queues = queuesOf(scope, { pipeline, alarms, network })
  const state = new State(scope, 'State', { pipeline, protect })
  const common = { deployment, queues, ...state }

  const migrations = new LedgerMigrations(scope, 'Ledger', common)
  const results = new Results(scope, 'Results', common)
  const models = Object.keys(pipeline.models).map(
    model =>
      new Model(scope, `Model-${model}`, {
        ...common,
        name: model,
        results,
      }),
  )
  const targets = [...models.flatMap(model => Object.values(model.queues)), results.work]
  const gateway = new Gateway(scope, 'Gateway', { ...common, targets })
  const reader = new Reader(scope, 'Reader', { ...common, results: results.work })
  const intake = pipeline.inputs?.length ? new Intake(scope, 'Intake', { ...common, targets }) : undefined
  const sweeper = new Sweeper(scope, 'Sweeper', { ...common, results: results.work })
  const retention =
    pipeline.observability.retention.ledger === undefined ? [] : [new Retention(scope, 'Retention', common).handler]
  for (const user of [results.collector, reader.handler, gateway.handler, ...retention])
    user.lambda.node.addDependency(migrations)
  // A message may have a type or a field that only the new version of its consumer knows, so consumers are updated
  // first.
  const workers = models.map(({ worker }) => worker)
  updateAfter([...workers, reader.handler, sweeper.handler], [results.collector])
  // The sweeper ends requests of models that it does not know. So it is updated before requests of a new model are
  // admitted.
  updateAfter([gateway.handler, ...(intake ? [intake.handler] : [])], [results.collector, ...workers, sweeper.handler])

  if (queues instanceof RabbitMqQueues) {
    const { declared } = new QueueDeclarations(scope, 'QueueDeclarations', { deployment, queues })
    for (const sender of [gateway.handler, ...(intake ? [intake.handler] : [])])
      sender.lambda.node.addDependency(declared)
  }

  const frontDoor = new FrontDoor(scope, 'FrontDoor', {
    alarms,
    apiName: name,
    namespace: pipeline.observability.namespace,
    authorizer: new Authorizer(scope, 'Authorizer', common).handler.lambda,
    gateway: gateway.handler.lambda,
    reader: reader.handler.lambda,
  })
  const dashboard = new Dashboard(scope, 'Dashboard', {
    name,
    frontDoor,
    gateway,
    reader,
    sweeper,
    intake,
    models,
    results,
    ledger: state.ledger,
    defects: new Defects(scope, 'Defects', deployment),
  })

  /** Adds an output that the operator's command line reads. */
  const output = (outputName: string, value: string): CfnOutput => new CfnOutput(stack, outputName, { value })
  output('ApiUrl', frontDoor.api.apiEndpoint)
  output('DashboardUrl', dashboard.url)
  output('AlarmTopicArn', alarms.topic.topicArn)
  output('RequestsTable', state.tables.requests.tableName)
  output('QuotaTable', state.tables.quota.tableName)
  output('KeysTable', state.tables.keys.tableName)
  output('UsersTable', state.tables.users.tableName)
  output('ModelsTable', state.tables.models.tableName)
  output('PayloadsBucket', state.payloads.bucket.bucketName)
  const operator = state.ledger.environment('operator')
  output('LedgerClusterArn', operator.LEDGER_CLUSTER_ARN)
  output('LedgerSecretArn', operator.LEDGER_SECRET_ARN)
  output('LedgerDatabase', operator.LEDGER_DATABASE)
  output('MigratorFunction', migrations.migrator.lambda.functionName)
  for (const [outputName, value] of Object.entries(queues.outputs)) output(outputName, value)
  if (results.work instanceof SqsWorkQueue) output('ResultsQueueUrl', results.work.queue.queueUrl)
  output('Plans', JSON.stringify(pipeline.quotas))
  output('Models', JSON.stringify(policiesByModel(pipeline)))
  output(
    'Workers',
    JSON.stringify(Object.fromEntries(models.map(({ name: of, worker }) => [of, worker.lambda.functionName]))),
  )
  return { alarms, dashboard, frontDoor, intake, state }
}

/** Returns the VPC of the pipeline's functions: the given one, or our own VPC for a broker. SQS needs none. */
function networkOf(scope: Construct, { models, network, queue, observability }: Pipeline): FunctionNetwork | undefined {
  const broker = rabbitMqOf(queue)
  if (network === undefined && broker === undefined) return undefined
  const egress = broker?.egress ?? 'nat'
  return new FunctionNetwork(scope, 'Network', {
    models,
    telemetry: observability,
    given: network,
    egress,
    hasBroker: broker !== undefined,
  })
}

function queuesOf(
  scope: Construct,
  { pipeline, alarms, network }: { pipeline: Pipeline; alarms: Alarms; network: FunctionNetwork | undefined },
): QueueBackend {
  const settings = rabbitMqOf(pipeline.queue)
  if (settings === undefined || network === undefined) return new SqsQueues(scope, pipeline.name)
  const broker = new Broker(scope, 'Broker', { pipeline, settings, alarms, network })
  return new RabbitMqQueues({ pipeline, broker, consumers: settings.consumers })
}

/** Makes a deployment update the functions that receive messages before the functions that send them. */
function updateAfter(producers: readonly SluiceFunction[], consumers: readonly SluiceFunction[]): void {
  // The producer depends only on the consumer's function resource. The consumer's role and event source mappings name queues that the producer also needs.
  for (const producer of producers)
    producer.lambda.node.addDependency(...consumers.map(({ lambda }) => lambda.node.defaultChild ?? lambda))
}
