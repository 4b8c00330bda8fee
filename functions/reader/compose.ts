import { awsClients, dynamoDbOnce } from '../core/platform/aws-clients.ts'
import { countCalls } from '../core/platform/call-counter.ts'
import { systemClock, systemSleep } from '../core/platform/clock.ts'
import { randomIds } from '../core/platform/ids.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { composeQueue } from '../core/queue/compose.ts'
import { rdsDataLedger } from '../core/stores/ledger/rds-data.ts'
import { retryWhileResuming } from '../core/stores/ledger/retry-while-resuming.ts'
import { lazyS3Payloads } from '../core/stores/payloads/lazy-s3.ts'
import { dynamoQuota } from '../core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../core/stores/requests/dynamodb.ts'
import { dynamoWaitLeases } from '../core/stores/waits/dynamodb.ts'
import type { Env } from './env.ts'
import type { ReaderPorts } from './ports.ts'
import type { Settings } from './settings.ts'

/**
 * The longest wait of the reader for a database that resumes, in milliseconds. The timeouts of its clients are longer,
 * so they get an answer.
 */
const RESUME_MS = 15_000

export function compose(
  env: Env,
  settings: Settings,
  clients = awsClients(),
  rdsData = retryWhileResuming(RESUME_MS),
  once = dynamoDbOnce(),
): ReaderPorts & Telemetry {
  const observed = telemetry(env)
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE),
    ledger: rdsDataLedger(rdsData, env),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    queue: composeQueue(env, clients, observed.tracing),
    // This client tries once. A call takes a lease before it waits for the end of its request, and further tries to
    // take it would only delay the answer.
    waiting: { leases: dynamoWaitLeases(once, env.REQUESTS_TABLE), limits: settings.waiting },
    ids: randomIds,
    clock: systemClock,
    sleep: systemSleep,
    calls: countCalls(),
    settings,
    ...observed,
  }
}
