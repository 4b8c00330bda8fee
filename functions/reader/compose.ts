import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { dynamoItems } from '../items/dynamodb.ts'
import { rdsDataLedger } from '../ledger/rds-data.ts'
import { lazyS3Payloads } from '../payloads/lazy-s3.ts'
import { dynamoDb } from '../platform/aws-clients.ts'
import { systemClock } from '../platform/clock.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
import { dynamoQuota } from '../quota/dynamodb.ts'
import type { Env } from './env.ts'
import type { ReaderPorts } from './ports.ts'

export function compose(env: Env, client = dynamoDb(), rdsData = new RDSDataClient()): ReaderPorts & Telemetry {
  return {
    items: dynamoItems(client, env.REQUESTS_TABLE),
    quota: dynamoQuota(client, env.QUOTA_TABLE),
    ledger: rdsDataLedger(rdsData, env),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    clock: systemClock,
    ...telemetry(env),
  }
}
