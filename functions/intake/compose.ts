import { createEstimator } from '../core/admission/estimate.ts'
import { createRouter } from '../core/admission/route.ts'
import type { Settings } from '../core/admission/settings.ts'
import { awsClients, dynamoDbOnce } from '../core/platform/aws-clients.ts'
import { systemClock } from '../core/platform/clock.ts'
import { randomIds } from '../core/platform/ids.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { type ComposedQueue, composeQueue } from '../core/queue/compose.ts'
import { dynamoUsers } from '../core/stores/access/dynamodb.ts'
import { dynamoInputKeys } from '../core/stores/idempotency/dynamodb-inputs.ts'
import { lazyS3Payloads } from '../core/stores/payloads/lazy-s3.ts'
import { dynamoQuota } from '../core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../core/stores/requests/dynamodb.ts'
import type { Env } from './env.ts'
import type { IntakePorts } from './ports.ts'

export function compose(
  env: Env,
  settings: Settings,
  clients = awsClients(),
  once = dynamoDbOnce(),
): IntakePorts & Telemetry & { readonly queue: ComposedQueue } {
  const observed = telemetry(env)
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    inputs: dynamoInputKeys(clients.dynamoDb, env.REQUESTS_TABLE),
    users: dynamoUsers(clients.dynamoDb, env.USERS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE, once, settings.gives_way_above !== undefined),
    queue: composeQueue(env, clients, observed.tracing),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    route: createRouter(settings),
    estimate: createEstimator(settings),
    clock: systemClock,
    ids: randomIds,
    settings,
    ...observed,
  }
}
