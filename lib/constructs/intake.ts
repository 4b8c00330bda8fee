import { CfnOutput, Duration, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { GATEWAY_TIMEOUT_MS } from '../../functions/core/domain/timing.ts'
import { DEAD_LETTERS } from '../../functions/core/queue/names.ts'
import type { Env } from '../../functions/intake/env.ts'
import { executionsOf } from '../config/executions.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import { admissionSettings } from './gateway.ts'
import type { PayloadStore } from './payload-store.ts'
import { SqsWorkQueue } from './sqs-queues.ts'
import type { Tables } from './tables.ts'
import type { QueueBackend, WorkQueue } from './work-queue.ts'

/**
 * The timeout of the intake is the gateway's timeout. If a worker gets a message without a request item, it waits twice
 * the gateway's timeout for the item, before it rejects the request. With a longer timeout, the intake could still be
 * about to write the item when the worker rejects the request. The admitted request would then never run.
 */
const TIMEOUT = Duration.millis(GATEWAY_TIMEOUT_MS)

export interface IntakeProps {
  readonly deployment: Deployment
  readonly queues: QueueBackend
  readonly tables: Tables
  readonly payloads: PayloadStore
  /** The queues of all models, and the results queue. */
  readonly targets: readonly WorkQueue[]
}

/**
 * Takes requests from the input queues of pipeline.yaml, with one function for all of them. The operators of the
 * account decide which senders may send to an input, by granting `sqs:SendMessage` on its queue. A sender chooses the user
 * who is charged for a message, so only trusted senders should get this right.
 */
export class Intake extends Construct {
  readonly handler: SluiceFunction
  readonly inputs: readonly WorkQueue[]

  constructor(scope: Construct, id: string, props: IntakeProps) {
    super(scope, id)
    const { deployment } = props
    this.handler = this.#handler(props)
    this.inputs = (deployment.pipeline.inputs ?? []).map(({ queue }) => this.#input(props, queue))
    for (const [i, input] of this.inputs.entries()) this.#output(input, i + 1)
    deployment.alarms.add(this, 'ComesAgainAlarm', {
      metric: this.handler.failedDeliveries(),
      threshold: 1,
      periods: 3,
      description:
        'The intake fails, or returns messages of inputs to their queue, for 15 minutes. A shorter outage starts no alarm, because the next delivery repairs it. The queue keeps the messages. First, look for an error in the log of the intake.',
      runbook: 'inputs-are-not-taken',
    })
  }

  #handler({ deployment, queues, tables, payloads, targets }: IntakeProps): SluiceFunction {
    const handler = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'intake',
      settings: admissionSettings(deployment.pipeline),
      environment: {
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
        USERS_TABLE: tables.users.tableName,
        PAYLOADS_BUCKET: payloads.bucket.bucketName,
      } satisfies Own<Env>,
      queues,
      timeout: TIMEOUT,
    })
    handler.allow(
      ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      [tables.requests.tableArn, tables.quota.tableArn],
    )
    handler.allow(['dynamodb:GetItem'], [tables.users.tableArn])
    queues.allowSending(handler, targets)
    payloads.allow(handler, 's3:DeleteObject', 's3:PutObject')
    return handler
  }

  #input({ deployment: { alarms, pipeline }, queues }: IntakeProps, queueName: string): WorkQueue {
    const scope = new Construct(this, `Input-${queueName}`)
    const deadLetters = queues.deadLetters(scope, 'DeadLetters', { alarms, queueName: queueName + DEAD_LETTERS })
    const input = queues.workQueue(scope, 'Work', { queueName, consumerTimeout: TIMEOUT, deadLetters })
    alarms.add(scope, 'OldestAlarm', {
      ...input.late(),
      description: `Messages of the input ${queueName} have waited for 5 minutes. Usually the intake admits or refuses a message within a second. The queue keeps the messages.`,
      runbook: 'inputs-are-not-taken',
    })
    const { intake, batches } = executionsOf(pipeline)
    input.feed(this.handler, 'Mapping', { batchSize: batches.intake, maxConcurrency: intake })
    deadLetters.feed(this.handler)
    return input
  }

  /**
   * Adds outputs with the URL and the ARN of an SQS input queue, for its senders. The outputs are numbered, because the
   * name of an output may have only letters and digits, so it can't contain the queue's name.
   */
  #output(input: WorkQueue, number: number): void {
    if (!(input instanceof SqsWorkQueue)) return
    const { name, queue } = input
    const description = `Of the input ${name}.`
    new CfnOutput(Stack.of(this), `InputQueueUrl${number}`, { value: queue.queueUrl, description })
    new CfnOutput(Stack.of(this), `InputQueueArn${number}`, { value: queue.queueArn, description })
  }
}
