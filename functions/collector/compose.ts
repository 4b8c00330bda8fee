import { dynamoItems } from '../items/dynamodb.ts'
import { patientRdsData } from '../ledger/patient-client.ts'
import { rdsDataLedger } from '../ledger/rds-data.ts'
import { lazyS3Payloads } from '../payloads/lazy-s3.ts'
import { awsClients } from '../platform/aws-clients.ts'
import { systemClock } from '../platform/clock.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
import { sqsQueue } from '../queue/sqs.ts'
import { dynamoQuota } from '../quota/dynamodb.ts'
import type { Env } from './env.ts'
import type { CollectorPorts } from './ports.ts'

/** How long to wait for a database that resumes, in milliseconds: less than the function may run. */
const RESUME_MS = 60_000

export function compose(
  env: Env,
  clients = awsClients(),
  rdsData = patientRdsData(RESUME_MS),
): CollectorPorts & Telemetry {
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    queue: sqsQueue(clients.sqs, env.QUEUE_URL_PREFIX),
    ledger: rdsDataLedger(rdsData, env),
    clock: systemClock,
    ...telemetry(env),
  }
}
