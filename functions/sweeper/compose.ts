import { awsClients } from '../core/platform/aws-clients.ts'
import { systemClock } from '../core/platform/clock.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { composeQueue } from '../core/queue/compose.ts'
import { lazyS3Payloads } from '../core/stores/payloads/lazy-s3.ts'
import { dynamoQuota } from '../core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../core/stores/requests/dynamodb.ts'
import type { Env } from './env.ts'
import type { SweeperPorts } from './ports.ts'
import type { Settings } from './settings.ts'

export function compose(env: Env, { models }: Settings, clients = awsClients()): SweeperPorts & Telemetry {
  const observed = telemetry(env)
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    queue: composeQueue(env, clients, observed.tracing),
    clock: systemClock,
    models,
    ...observed,
  }
}
