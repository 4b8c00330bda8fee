import { awsClients } from '../core/platform/aws-clients.ts'
import { systemClock } from '../core/platform/clock.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { type ComposedQueue, composeQueue } from '../core/queue/compose.ts'
import { rdsDataLedger } from '../core/stores/ledger/rds-data.ts'
import { retryWhileResuming } from '../core/stores/ledger/retry-while-resuming.ts'
import { lazyS3Payloads } from '../core/stores/payloads/lazy-s3.ts'
import { dynamoQuota } from '../core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../core/stores/requests/dynamodb.ts'
import type { Env } from './env.ts'
import type { CollectorPorts, TakeResultsPorts } from './ports.ts'

/**
 * The longest wait for a database that resumes, in milliseconds. It is shorter than the function's timeout, so that the
 * function can still return the events to their queue.
 */
const RESUME_MS = 60_000

export function compose(
  env: Env,
  clients = awsClients(),
  rdsData = retryWhileResuming(RESUME_MS),
): CollectorPorts & Telemetry & Pick<TakeResultsPorts, 'stores_prompts'> & { readonly queue: ComposedQueue } {
  const observed = telemetry(env)
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    queue: composeQueue(env, clients, observed.tracing),
    ledger: rdsDataLedger(rdsData, env),
    clock: systemClock,
    stores_prompts: env.STORE_PROMPTS === 'true',
    ...observed,
  }
}
