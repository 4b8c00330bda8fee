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
import { ManagedInstances } from './constructs/managed-instances.ts'
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
   * Whether the tables and the database are protected from deletion. If Sluice is a stack of its own, this also protects
   * the stack. Default: true. If the first deployment of a stack fails, CloudFormation rolls it back, which means that it
   * deletes all created resources. This works only without the protection.
   */
  readonly protect?: boolean
}

/** The parts of a deployment that the construct `Sluice` offers to other stacks. */
export interface Parts {
  readonly alarms: Alarms
  readonly dashboard: Dashboard
  readonly frontDoor: FrontDoor
  /** Undefined if pipeline.yaml has no `inputs`. */
  readonly intake: Intake | undefined
  readonly state: State
}

/**
 * Adds all of Sluice to a scope, and adds the outputs for the operator's command line to the stack of the scope. The construct `State` has
 * the parts that store data. Never change the id or the position of a part below the scope: CloudFormation would replace the part's
 * resources with new ones. The deployment would then use empty tables.
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
  const { managed_instances } = pipeline
  const instances =
    managed_instances && network && new ManagedInstances(scope, 'Instances', { ...managed_instances, network })
  const deployment: Deployment = { pipeline, bundles, alarms, network, tracing, instances }
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
  // A message of a new version may have a type or a field that an old consumer does not know. The old consumer would return
  // a message of an unknown type to its queue, which delays the request. It would ignore an unknown field, and
  // so not do what the field asks for. So a deployment updates the functions that receive messages before those that send them.
  const workers = models.map(({ worker }) => worker)
  updateAfter([...workers, reader.handler, sweeper.handler], [results.collector])
  // The sweeper fails the requests of models that are not in its settings. So the sweeper is updated before a new gateway
  // or intake admits requests of a new model. Otherwise, the old sweeper would fail these requests.
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

/**
 * Returns the VPC of the pipeline's functions: the VPC that pipeline.yaml names or, for RabbitMQ, a new one. With SQS and
 * without a VPC in pipeline.yaml, the functions run outside a VPC, and the result is undefined.
 */
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
  // The producer depends only on the consumer's function resource, and not on the whole construct of the consumer: only
  // the consumer's code must be updated before the producer.
  for (const producer of producers)
    producer.lambda.node.addDependency(...consumers.map(({ lambda }) => lambda.node.defaultChild ?? lambda))
}
