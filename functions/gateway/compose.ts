import { createEstimator } from '../core/admission/estimate.ts'
import { createRouter } from '../core/admission/route.ts'
import { awsClients, dynamoDbOnce } from '../core/platform/aws-clients.ts'
import { countCalls } from '../core/platform/call-counter.ts'
import { systemClock, systemSleep } from '../core/platform/clock.ts'
import { randomIds } from '../core/platform/ids.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { composeQueue } from '../core/queue/compose.ts'
import { dynamoKeys } from '../core/stores/idempotency/dynamodb.ts'
import { lazyLedger } from '../core/stores/ledger/lazy.ts'
import { lazyS3Payloads } from '../core/stores/payloads/lazy-s3.ts'
import { dynamoQuota } from '../core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../core/stores/requests/dynamodb.ts'
import { dynamoWaitLeases } from '../core/stores/waits/dynamodb.ts'
import type { Env } from './env.ts'
import type { OpenAiPorts } from './ports.ts'
import type { Settings } from './settings.ts'

export function compose(
  env: Env,
  settings: Settings,
  clients = awsClients(),
  once = dynamoDbOnce(),
): OpenAiPorts & Telemetry {
  const observed = telemetry(env)
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    keys: dynamoKeys(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE, once, settings.gives_way_above !== undefined),
    queue: composeQueue(env, clients, observed.tracing),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    ledger: lazyLedger(env),
    // This client tries once. A call takes a lease before it waits for the end of its request, and further tries to
    // take it would only delay the answer.
    waiting: { leases: dynamoWaitLeases(once, env.REQUESTS_TABLE), limits: settings.waiting },
    route: createRouter(settings),
    estimate: createEstimator(settings),
    abilities: settings.openai,
    calls: countCalls(),
    clock: systemClock,
    sleep: systemSleep,
    ids: randomIds,
    settings,
    ...observed,
  }
}
