import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/collector/env.ts'
import { RESULTS_QUEUE } from '../../functions/queue/names.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import type { Tables } from './tables.ts'
import { WorkQueue } from './work-queue.ts'

/** A statement may have to wait until a paused ledger has resumed, which takes 15 to 30 seconds. */
const TIMEOUT = Duration.minutes(2)

export interface ResultsProps {
  readonly deployment: Deployment
  readonly queueUrlPrefix: string
  readonly tables: Tables
  readonly ledger: LedgerDatabase
}

/** The last step: what became of requests is decided, recorded in the ledger and charged. */
export class Results extends Construct {
  readonly work: WorkQueue
  readonly collector: SluiceFunction

  constructor(scope: Construct, id: string, props: ResultsProps) {
    super(scope, id)
    const { deployment, queueUrlPrefix, tables, ledger } = props
    this.work = new WorkQueue(this, 'Work', {
      alarms: deployment.alarms,
      queueName: `${deployment.pipeline.name}-${RESULTS_QUEUE}`,
      consumerTimeout: TIMEOUT,
      // Results wait while the ledger is down: a thousand receives are more than a day of that.
      maxReceiveCount: 1000,
      oldest: {
        age: Duration.minutes(5),
        description:
          'Results are not recorded: they are done in a second, or 30 when the ledger has to resume, not in 5 minutes.',
        runbook: 'results-are-waiting',
      },
    })
    this.collector = new SluiceFunction(this, 'Collector', {
      deployment,
      entryPoint: 'collector',
      environment: {
        ...ledger.environment,
        QUEUE_URL_PREFIX: queueUrlPrefix,
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
      } satisfies Own<Env>,
      timeout: TIMEOUT,
    })
    this.collector.allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], [tables.requests.tableArn])
    this.collector.allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [tables.quota.tableArn])
    // A request that its queue gave up ends here, and the event that says so comes back as a result.
    this.collector.allow(['sqs:SendMessage'], [this.work.queue.queueArn])
    ledger.allow(this.collector, 'rds-data:ExecuteStatement')
    this.work.feed(this.collector, 'Mapping', {
      // Ten results, inline up to 48 KB each with their prompts, stay far below the Data API's 4 MiB a statement. They are not
      // waited for: a client polls a second after its request, and under load a receive brings ten anyway.
      batchSize: 10,
      // One small instance keeps up with ten statements at a time; more would only wait for each other's rows.
      maxConcurrency: 10,
    })
  }
}
