import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/collector/env.ts'
import { DEAD_LETTERS, RESULTS_QUEUE, UNDELIVERED } from '../../functions/core/queue/names.ts'
import { executionsOf } from '../config/executions.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import type { PayloadStore } from './payload-store.ts'
import type { Tables } from './tables.ts'
import type { DeadLetters, QueueBackend, WorkQueue } from './work-queue.ts'

/**
 * The timeout of the collector. If the ledger database is paused, a statement waits 15 to 30 seconds until the database
 * has resumed.
 */
const TIMEOUT = Duration.minutes(2)

export interface ResultsProps {
  readonly deployment: Deployment
  readonly queues: QueueBackend
  readonly tables: Tables
  readonly payloads: PayloadStore
  readonly ledger: LedgerDatabase
}

/** The last step of a request: the collector ends the request, records the result in the ledger and charges the tokens to the user. */
export class Results extends Construct {
  readonly work: WorkQueue
  /** The dead-letter queue of all models' queues. The collector ends the requests of its messages. */
  readonly givenUp: DeadLetters
  readonly collector: SluiceFunction

  constructor(scope: Construct, id: string, props: ResultsProps) {
    super(scope, id)
    const { deployment, queues, tables, payloads, ledger } = props
    const { alarms, pipeline } = deployment
    const queueName = `${pipeline.name}-${RESULTS_QUEUE}`
    const deadLetters = queues.deadLetters(this, 'DeadLetters', { alarms, queueName: queueName + DEAD_LETTERS })
    this.work = queues.workQueue(this, 'Work', { queueName, consumerTimeout: TIMEOUT, deadLetters })
    // All models share one dead-letter queue, because CloudFormation limits the number of resources in a stack. The queue
    // is usually empty, so a queue per model would have no advantage.
    this.givenUp = queues.deadLetters(this, 'GivenUp', {
      alarms,
      queueName: `${pipeline.name}-${UNDELIVERED}`,
    })
    this.collector = new SluiceFunction(this, 'Collector', {
      deployment,
      entryPoint: 'collector',
      environment: {
        ...ledger.environment('collector'),
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
        PAYLOADS_BUCKET: payloads.bucket.bucketName,
        ...(pipeline.observability.store_prompts && { STORE_PROMPTS: 'true' }),
      } satisfies Own<Env>,
      queues,
      timeout: TIMEOUT,
    })
    this.collector.allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], [tables.requests.tableArn])
    this.collector.allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [tables.quota.tableArn])
    // When the collector ends the request of a message in the dead-letter queue, it sends an event about the end to its own queue.
    queues.allowSending(this.collector, [this.work])
    // With RabbitMQ, the collector also publishes results to other systems. So it must read the large results from S3.
    const reads = pipeline.queue.backend === 'rabbitmq' ? (['s3:GetObject'] as const) : []
    payloads.allow(this.collector, 's3:DeleteObject', ...reads)
    ledger.allow(this.collector, 'collector', 'rds-data:ExecuteStatement')
    const { collector: mapping, batches } = executionsOf(pipeline)
    this.work.feed(this.collector, 'Mapping', {
      // A batch has ten or twenty messages. Each prompt and each result in them has at most 48 KiB. So the statement for
      // a batch is far below the Data API's limit of 4 MiB. The mapping does not wait for a full batch, because a client
      // may ask for its result a second after its POST. Under load, batches are large without a wait.
      batchSize: batches.collector,
      maxConcurrency: mapping,
    })
    this.givenUp.feed(this.collector)
    alarms.add(this, 'OldestAlarm', {
      ...this.work.late(),
      description:
        'Results wait too long: usually the collector records a result within a second, or within 30 seconds if the ledger was paused. Until then, clients see `running`. The queue keeps the results. First, look for an error in the log of the collector.',
      runbook: 'results-are-waiting',
    })
    alarms.add(this, 'ComesAgainAlarm', {
      metric: this.collector.failedDeliveries(),
      threshold: 1,
      periods: 3,
      description:
        'The collector fails, or returns results to their queue, for 15 minutes. A shorter outage starts no alarm, because the next delivery repairs it. The clients of these results see `running`. The queue keeps the results. First, look for an error in the log of the collector.',
      runbook: 'results-are-waiting',
    })
  }
}
