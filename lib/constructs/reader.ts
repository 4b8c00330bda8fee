import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/reader/env.ts'
import type { Settings } from '../../functions/reader/settings.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import type { PayloadStore } from './payload-store.ts'
import type { Tables } from './tables.ts'
import type { QueueBackend, WorkQueue } from './work-queue.ts'

export interface ReaderProps {
  readonly deployment: Deployment
  readonly queues: QueueBackend
  readonly tables: Tables
  readonly payloads: PayloadStore
  readonly ledger: LedgerDatabase
  readonly results: WorkQueue
}

/** Answers GET and DELETE calls for existing requests. The reader is separate from the gateway, so that calls that wait for a result do not delay POSTs. */
export class Reader extends Construct {
  readonly handler: SluiceFunction

  constructor(scope: Construct, id: string, props: ReaderProps) {
    super(scope, id)
    const { deployment, queues, tables, payloads, ledger, results } = props
    const { quotas, waiting, models } = deployment.pipeline
    const settings: Settings = { quotas, waiting, models: Object.keys(models) }
    this.handler = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'reader',
      settings,
      environment: {
        ...ledger.environment('reader'),
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
        PAYLOADS_BUCKET: payloads.bucket.bucketName,
      } satisfies Own<Env>,
      queues,
      // API Gateway ends a call after 30 seconds. One second less leaves time to send the answer.
      timeout: Duration.seconds(29),
      waits: waiting.total,
    })
    this.handler.allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [tables.requests.tableArn, tables.quota.tableArn])
    this.handler.allow(['dynamodb:Query'], [tables.requests.tableArn])
    // The reader cancels requests. The cancellation ends a queued request at once. Then the reader sends the event `ended` to the results queue.
    queues.allowSending(this.handler, [results])
    payloads.allow(this.handler, 's3:DeleteObject', 's3:GetObject')
    ledger.allow(this.handler, 'reader', 'rds-data:ExecuteStatement')
  }
}
