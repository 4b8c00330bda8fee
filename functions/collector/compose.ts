import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { dynamoItems } from '../items/dynamodb.ts'
import { rdsDataLedger } from '../ledger/rds-data.ts'
import { dynamoDb } from '../platform/aws-clients.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
import { dynamoQuota } from '../quota/dynamodb.ts'
import type { Env } from './env.ts'
import type { CollectorPorts } from './ports.ts'

export function compose(env: Env, client = dynamoDb(), rdsData = new RDSDataClient()): CollectorPorts & Telemetry {
  return {
    items: dynamoItems(client, env.REQUESTS_TABLE),
    quota: dynamoQuota(client, env.QUOTA_TABLE),
    ledger: rdsDataLedger(rdsData, env),
    ...telemetry(env),
  }
}
