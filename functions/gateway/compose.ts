import { dynamoKeys } from '../idempotency/dynamodb.ts'
import { dynamoItems } from '../items/dynamodb.ts'
import { lazyLedger } from '../ledger/lazy.ts'
import { lazyS3Payloads } from '../payloads/lazy-s3.ts'
import { awsClients, dynamoDbOnce } from '../platform/aws-clients.ts'
import { systemClock, systemSleep } from '../platform/clock.ts'
import { randomIds } from '../platform/ids.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
import { sqsQueue } from '../queue/sqs.ts'
import { dynamoQuota } from '../quota/dynamodb.ts'
import { dynamoWaitLeases } from '../waiting/dynamodb.ts'
import type { Env } from './env.ts'
import type { GatewayPorts } from './ports.ts'
import type { Settings } from './settings.ts'

export function compose(
  env: Env,
  settings: Settings,
  clients = awsClients(),
  once = dynamoDbOnce(),
): GatewayPorts & Telemetry {
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    keys: dynamoKeys(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE, once),
    queue: sqsQueue(clients.sqs, env.QUEUE_URL_PREFIX),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    ledger: lazyLedger(env),
    // Asked once: no answer is held up by tries to wait for it.
    waiting: { leases: dynamoWaitLeases(once, env.REQUESTS_TABLE), limits: settings.waiting },
    clock: systemClock,
    sleep: systemSleep,
    ids: randomIds,
    settings,
    ...telemetry(env),
  }
}
