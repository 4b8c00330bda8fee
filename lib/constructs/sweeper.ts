import { Duration } from 'aws-cdk-lib'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import { Construct } from 'constructs'
import { WATCHED } from '../../functions/core/stores/quota/names.ts'
import type { Env } from '../../functions/sweeper/env.ts'
import type { Settings } from '../../functions/sweeper/settings.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { PayloadStore } from './payload-store.ts'
import type { Tables } from './tables.ts'
import type { QueueBackend, WorkQueue } from './work-queue.ts'

/**
 * The time between two runs. The sweeper checks reservations that are at least two minutes old. So it closes an orphan (a
 * reservation without a request item) within five minutes after the reservation was made. Until then, the reservation uses
 * up a part of its user's quota.
 */
const INTERVAL = Duration.minutes(2)

export interface SweeperProps {
  readonly deployment: Deployment
  readonly queues: QueueBackend
  readonly tables: Tables
  readonly payloads: PayloadStore
  readonly results: WorkQueue
}

function sweeperSettings({ pipeline }: Deployment, queues: QueueBackend): Settings {
  const watched = queues.watched?.()
  return { models: Object.keys(pipeline.models), ...(watched && { watched }) }
}

/**
 * The function that closes reservations that a crash has left open: their requests have ended, or were never created. It
 * also ends overdue requests, and fails queued requests of models that pipeline.yaml no longer has. For a request that has
 * been open for two minutes, it sends the event `accepted`, so that the ledger has a row of the request before its end.
 */
export class Sweeper extends Construct {
  readonly handler: SluiceFunction

  constructor(scope: Construct, id: string, { deployment, queues, tables, payloads, results }: SweeperProps) {
    super(scope, id)
    this.handler = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'sweeper',
      settings: sweeperSettings(deployment, queues),
      environment: {
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
        PAYLOADS_BUCKET: payloads.bucket.bucketName,
      } satisfies Own<Env>,
      queues,
      // The timeout is longer than the time between two runs, so two sweepers may run at the same time. They then do the same
      // work twice, which does no harm: the second close of a reservation changes nothing.
      timeout: Duration.minutes(5),
    })
    const sweeper = this.handler
    sweeper.allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], [tables.requests.tableArn])
    const watched = `${tables.quota.tableArn}/index/${WATCHED}`
    sweeper.allow(['dynamodb:Scan'], [watched])
    sweeper.allow(['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'], [tables.quota.tableArn])
    payloads.allow(sweeper, 's3:DeleteObject')
    queues.allowSending(sweeper, [results])
    // Lambda does not retry a failed run. By default it would retry the run twice, at the same time as the next runs, and
    // would count three errors for one failure.
    sweeper.lambda.configureAsyncInvoke({ retryAttempts: 0 })
    new Rule(this, 'Schedule', {
      description: 'Closes reservations that a crash has left open.',
      schedule: Schedule.rate(INTERVAL),
      targets: [new LambdaFunction(sweeper.lambda)],
    })
    deployment.alarms.add(this, 'ErrorsAlarm', {
      metric: sweeper.lambda.metricErrors({ period: ALARM_PERIOD }),
      threshold: 2,
      description:
        'Two runs of the sweeper have failed in 5 minutes. A single failure starts no alarm, because the next run repeats the work. Until a run succeeds, reservations that crashes have left open count against the quotas of their users, and requests whose messages were lost do not end. First, find the cause in the log of the sweeper.',
      runbook: 'the-sweeper-fails',
    })
  }
}
