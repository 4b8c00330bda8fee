import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/reader/env.ts'
import type { Settings } from '../../functions/reader/settings.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import type { PayloadStore } from './payload-store.ts'
import type { Tables } from './tables.ts'

export interface ReaderProps {
  readonly deployment: Deployment
  readonly tables: Tables
  readonly payloads: PayloadStore
  readonly ledger: LedgerDatabase
}

/** Answers what only reads, apart from the gateway: those who wait for a result never hold up those who post. */
export class Reader extends Construct {
  readonly handler: SluiceFunction

  constructor(scope: Construct, id: string, { deployment, tables, payloads, ledger }: ReaderProps) {
    super(scope, id)
    const settings: Settings = { quotas: deployment.pipeline.quotas }
    this.handler = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'reader',
      settings,
      environment: {
        ...ledger.environment,
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
        PAYLOADS_BUCKET: payloads.bucket.bucketName,
      } satisfies Own<Env>,
      // The longest that API Gateway waits, less a second to answer in.
      timeout: Duration.seconds(29),
    })
    this.handler.allow(['dynamodb:GetItem'], [tables.requests.tableArn, tables.quota.tableArn])
    payloads.allow(this.handler.role, 's3:GetObject')
    ledger.allow(this.handler, 'rds-data:ExecuteStatement')
  }
}
