import { Annotations, Aspects, Stack } from 'aws-cdk-lib'
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { DatabaseCluster } from 'aws-cdk-lib/aws-rds'
import type { Bucket } from 'aws-cdk-lib/aws-s3'
import type { Topic } from 'aws-cdk-lib/aws-sns'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { Bundles } from './bundle.ts'
import { checkPipeline, warningLine } from './config/load.ts'
import { SqsWorkQueue } from './constructs/sqs-queues.ts'
import { readFeatureFlags } from './feature-flags.ts'
import { loopbackWarning } from './loopback-warning.ts'
import { packagedBundles } from './packaged-bundles.ts'
import { addParts } from './parts.ts'

export interface SluiceProps {
  /**
   * The path of the pipeline file, relative to the working directory of the app. The CDK's command line runs an app in the folder of the
   * app's cdk.json.
   */
  readonly pipeline: string
  /** The variables that replace `${NAME}` in the pipeline file. Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /**
   * Whether the tables and the database are protected from deletion. Default: true. With false, a failed first
   * deployment can be rolled back and repeated. Give the same value to `terminationProtection` of the stack.
   */
  readonly protect?: boolean
  /** @internal The code of the functions. Default: the code in the npm package. */
  readonly bundles?: Bundles
}

/** The DynamoDB tables. The outputs of the stack also contain the names of the tables. */
export interface SluiceTables {
  /**
   * One item per request: its status, attempts, times, usage and charge. The table also has the idempotency keys, and
   * the leases of calls that wait.
   */
  readonly requests: TableV2
  /** The counters and open reservations of each user and window. */
  readonly quota: TableV2
  /** The halt, circuit, pause and rate limit of each model, and its last failed call. */
  readonly models: TableV2
  /** The hashes of the API keys. */
  readonly keys: TableV2
  /** The plan and the limits of each user. */
  readonly users: TableV2
}

/**
 * A construct with all of Sluice, for your own stack: the HTTP API, queues, functions, tables, ledger, alarms and
 * dashboard of one pipeline file. It works for any account and region.
 *
 * The queues, the API and the dashboard are named after `name` in the pipeline file. So this name must be unique in an account and
 * region. A stack has at most one `Sluice`, because the operator's command line finds all parts by the names of the stack's outputs.
 */
export class Sluice extends Construct {
  /** The address of the API, such as `https://abc.execute-api.eu-west-1.amazonaws.com`. The paths of the API begin with `/v1`. */
  readonly apiUrl: string
  /** The address of the dashboard in the AWS console. */
  readonly dashboardUrl: string
  /** All alarms are sent to this topic. Subscribe the people on call to it. */
  readonly alarmTopic: Topic
  readonly tables: SluiceTables
  /** The bucket of prompts and results over 48 KiB. They are too large for a message. */
  readonly payloads: Bucket
  /** The Postgres database with a row per request. It can be used only through the RDS Data API. */
  readonly ledger: DatabaseCluster
  /**
   * The SQS queues from which Sluice takes requests (`inputs` in the pipeline file), by their names. With RabbitMQ, this is
   * empty. A sender chooses the user who is charged for a message. So grant `sqs:SendMessage` only to senders that you trust:
   * `sluice.inputs['nightly-prompts']?.grantSendMessages(sender)`.
   */
  readonly inputs: Readonly<Record<string, Queue>>

  /** Throws an error with one line per mistake, if the pipeline file has mistakes. */
  constructor(scope: Construct, id: string, props: SluiceProps) {
    refuseSecond(scope, id)
    super(scope, id)
    const { pipeline, warnings } = checkPipeline(props.pipeline, props.env ?? process.env)
    for (const warning of warnings) Annotations.of(this).addWarningV2('sluice:config', warningLine(warning))
    Aspects.of(this).add(loopbackWarning)
    // Sluice is tested with its own feature flags of the CDK. So these flags hold here, and not the flags of the app.
    // Otherwise a changed flag of the app could make CloudFormation replace a table with an empty one.
    for (const [flag, value] of Object.entries(readFeatureFlags())) this.node.setContext(flag, value)

    const bundles = props.bundles ?? packagedBundles(pipeline.queue.backend)
    const parts = addParts(this, { pipeline, bundles, protect: props.protect ?? true })
    const { tables, payloads, ledger } = parts.state
    this.apiUrl = parts.frontDoor.api.apiEndpoint
    this.dashboardUrl = parts.dashboard.url
    this.alarmTopic = parts.alarms.topic
    this.tables = tables
    this.payloads = payloads.bucket
    this.ledger = ledger.cluster
    this.inputs = Object.fromEntries(
      (parts.intake?.inputs ?? []).flatMap(input => (input instanceof SqsWorkQueue ? [[input.name, input.queue]] : [])),
    )
  }
}

function refuseSecond(scope: Construct, id: string): void {
  const stack = Stack.of(scope)
  const other = stack.node.findAll().find(found => found instanceof Sluice && Stack.of(found) === stack)
  if (other)
    throw new Error(
      `The stack ${stack.stackName} has a Sluice already, ${other.node.path}: put ${id} into a stack of its own.`,
    )
}
