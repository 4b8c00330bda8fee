import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/collector/env.ts'
import { DEAD_LETTERS, RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import type { PayloadStore } from './payload-store.ts'
import type { Tables } from './tables.ts'
import { DeadLetters, WorkQueue } from './work-queue.ts'

/** A statement may have to wait until a paused ledger has resumed, which takes 15 to 30 seconds. */
const TIMEOUT = Duration.minutes(2)

export interface ResultsProps {
  readonly deployment: Deployment
  readonly queueUrlPrefix: string
  readonly tables: Tables
  readonly payloads: PayloadStore
  readonly ledger: LedgerDatabase
}

/** The last step: what became of requests is decided, recorded in the ledger and charged. */
export class Results extends Construct {
  readonly work: WorkQueue
  /** What the queues of models gave up: the collector ends its requests. */
  readonly givenUp: DeadLetters
  readonly collector: SluiceFunction

  constructor(scope: Construct, id: string, props: ResultsProps) {
    super(scope, id)
    const { deployment, queueUrlPrefix, tables, payloads, ledger } = props
    const { alarms, pipeline } = deployment
    const queueName = `${pipeline.name}-${RESULTS_QUEUE}`
    const deadLetters = new DeadLetters(this, 'DeadLetters', { alarms, queueName: queueName + DEAD_LETTERS })
    this.work = new WorkQueue(this, 'Work', { queueName, consumerTimeout: TIMEOUT, deadLetters })
    // One for all models: it is mostly empty, and a stack has room for only so many resources.
    this.givenUp = new DeadLetters(this, 'GivenUp', { alarms, queueName: `${pipeline.name}-inference${DEAD_LETTERS}` })
    this.collector = new SluiceFunction(this, 'Collector', {
      deployment,
      entryPoint: 'collector',
      environment: {
        ...ledger.environment('collector'),
        QUEUE_URL_PREFIX: queueUrlPrefix,
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
        PAYLOADS_BUCKET: payloads.bucket.bucketName,
      } satisfies Own<Env>,
      timeout: TIMEOUT,
    })
    this.collector.allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], [tables.requests.tableArn])
    this.collector.allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [tables.quota.tableArn])
    // A request that its queue gave up ends here, and the event that says so comes back as a result.
    this.collector.allow(['sqs:SendMessage'], [this.work.queue.queueArn])
    payloads.allow(this.collector.role, 's3:DeleteObject')
    ledger.allow(this.collector, 'collector', 'rds-data:ExecuteStatement')
    this.work.feed(this.collector, 'Mapping', {
      // Ten results, inline up to 48 KB each with their prompts, stay far below the Data API's 4 MiB a statement. They are not
      // waited for: a client polls a second after its request, and under load a receive brings ten anyway.
      batchSize: 10,
      // One small instance keeps up with ten statements at a time; more would only wait for each other's rows.
      maxConcurrency: 10,
    })
    this.givenUp.feed(this.collector)
    alarms.add(this, 'OldestAlarm', {
      metric: this.work.oldest(),
      threshold: Duration.minutes(5).toSeconds(),
      description:
        'Results are not recorded: they are done in a second, or 30 when the ledger has to resume, not in 5 minutes.',
      runbook: 'results-are-waiting',
    })
    alarms.add(this, 'ComesAgainAlarm', {
      metric: this.collector.comesAgain(),
      threshold: 1,
      periods: 3,
      description: 'Results come again and again. From 1 in 5 minutes, thrice: a redelivery repairs what passes.',
      runbook: 'results-are-waiting',
    })
  }
}
