import { CfnOutput, Stack, Tags } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { Bundles } from './bundle.ts'
import type { Pipeline } from './config/schema.ts'
import { Alarms } from './constructs/alarms.ts'
import { Authorizer } from './constructs/authorizer.ts'
import { Dashboard } from './constructs/dashboard.ts'
import { Defects } from './constructs/defects.ts'
import type { Deployment } from './constructs/deployment.ts'
import { FrontDoor } from './constructs/front-door.ts'
import type { SluiceFunction } from './constructs/function.ts'
import { Gateway } from './constructs/gateway.ts'
import { Intake } from './constructs/intake.ts'
import { LedgerMigrations } from './constructs/ledger-migrations.ts'
import { Model } from './constructs/model.ts'
import { policiesByModel } from './constructs/policies.ts'
import { Reader } from './constructs/reader.ts'
import { Results } from './constructs/results.ts'
import { Retention } from './constructs/retention.ts'
import { State } from './constructs/state.ts'
import { Sweeper } from './constructs/sweeper.ts'

export interface SluiceStackProps {
  readonly pipeline: Pipeline
  readonly bundles: Bundles
  /** A temporary folder for the code of functions, until the CDK has staged it. */
  readonly assets: string
}

/**
 * All of Sluice, for any account and region. It is one stack, because a request passes through all of its parts. The construct `State`
 * has the parts that store data.
 */
export class SluiceStack extends Stack {
  constructor(scope: Construct, { pipeline, bundles, assets }: SluiceStackProps) {
    const { name } = pipeline
    // Without termination protection, deleting the stack would delete queues and functions before it stops at the protected tables.
    super(scope, name, { description: 'Sluice: an asynchronous inference gateway.', terminationProtection: true })
    Tags.of(this).add('Application', 'sluice')
    Tags.of(this).add('Pipeline', name)

    const alarms = new Alarms(this, 'Alarms')
    const deployment: Deployment = { pipeline, bundles, assets, alarms }
    // The first part of each queue's URL. Functions add the last part of the name (functions/core/queue/names.ts).
    const queueUrlPrefix = `https://sqs.${this.region}.${this.urlSuffix}/${this.account}/${name}-`
    const state = new State(this, 'State', pipeline)
    const common = { deployment, queueUrlPrefix, ...state }

    const migrations = new LedgerMigrations(this, 'Ledger', common)
    const results = new Results(this, 'Results', common)
    const models = Object.keys(pipeline.models).map(
      model =>
        new Model(this, `Model-${model}`, {
          ...common,
          name: model,
          results,
        }),
    )
    const queues = [...models.flatMap(model => Object.values(model.queues)), results.work]
    const gateway = new Gateway(this, 'Gateway', { ...common, queues })
    const reader = new Reader(this, 'Reader', { ...common, results: results.work })
    const intake = pipeline.inputs?.length ? new Intake(this, 'Intake', { ...common, queues }) : undefined
    const sweeper = new Sweeper(this, 'Sweeper', { ...common, results: results.work })
    const retention =
      pipeline.observability.retention.ledger === undefined ? [] : [new Retention(this, 'Retention', common).handler]
    for (const user of [results.collector, reader.handler, gateway.handler, ...retention])
      user.lambda.node.addDependency(migrations)
    // A message may have a type or a field that only the new version of its consumer knows, so that consumers come first.
    const workers = models.map(({ worker }) => worker)
    updateAfter([...workers, reader.handler, sweeper.handler], [results.collector])
    // The sweeper ends requests of models that it does not know, so that it is told of a new model before requests of it are admitted.
    updateAfter(
      [gateway.handler, ...(intake ? [intake.handler] : [])],
      [results.collector, ...workers, sweeper.handler],
    )

    const frontDoor = new FrontDoor(this, 'FrontDoor', {
      alarms,
      apiName: name,
      namespace: pipeline.observability.namespace,
      authorizer: new Authorizer(this, 'Authorizer', common).handler.lambda,
      gateway: gateway.handler.lambda,
      reader: reader.handler.lambda,
    })
    const dashboard = new Dashboard(this, 'Dashboard', {
      name,
      frontDoor,
      gateway,
      intake,
      models,
      results,
      ledger: state.ledger,
      defects: new Defects(this, 'Defects', deployment),
    })

    this.#output('ApiUrl', frontDoor.api.apiEndpoint)
    this.#output('DashboardUrl', dashboard.url)
    this.#output('AlarmTopicArn', alarms.topic.topicArn)
    this.#output('RequestsTable', state.tables.requests.tableName)
    this.#output('QuotaTable', state.tables.quota.tableName)
    this.#output('KeysTable', state.tables.keys.tableName)
    this.#output('UsersTable', state.tables.users.tableName)
    this.#output('ModelsTable', state.tables.models.tableName)
    this.#output('PayloadsBucket', state.payloads.bucket.bucketName)
    const operator = state.ledger.environment('operator')
    this.#output('LedgerClusterArn', operator.LEDGER_CLUSTER_ARN)
    this.#output('LedgerSecretArn', operator.LEDGER_SECRET_ARN)
    this.#output('LedgerDatabase', operator.LEDGER_DATABASE)
    this.#output('MigratorFunction', migrations.migrator.lambda.functionName)
    this.#output('QueueUrlPrefix', queueUrlPrefix)
    this.#output('ResultsQueueUrl', results.work.queue.queueUrl)
    this.#output('Plans', JSON.stringify(pipeline.quotas))
    this.#output('Models', JSON.stringify(policiesByModel(pipeline)))
    this.#output(
      'Workers',
      JSON.stringify(Object.fromEntries(models.map(({ name, worker }) => [name, worker.lambda.functionName]))),
    )
  }

  /** Adds an output that the operator's command line reads. */
  #output(name: string, value: string): void {
    new CfnOutput(this, name, { value })
  }
}

/** Makes a deployment update the functions that send messages after the functions that receive these. */
function updateAfter(producers: readonly SluiceFunction[], consumers: readonly SluiceFunction[]): void {
  // The producer depends only on the consumer's function resource. The consumer's role and event source mappings name queues that the producer also needs.
  for (const producer of producers)
    producer.lambda.node.addDependency(...consumers.map(({ lambda }) => lambda.node.defaultChild ?? lambda))
}
