import { awsClients } from '../core/platform/aws-clients.ts'
import { systemClock } from '../core/platform/clock.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { composeQueue } from '../core/queue/compose.ts'
import type { QueueBackend } from '../core/queue/port.ts'
import { lazyS3Payloads } from '../core/stores/payloads/lazy-s3.ts'
import { dynamoQuota } from '../core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../core/stores/requests/dynamodb.ts'
import type { Env } from './env.ts'
import type { SweeperPorts, WatchPorts } from './ports.ts'
import type { Settings } from './settings.ts'

type Composed = SweeperPorts & Telemetry & Partial<Pick<WatchPorts, 'watched' | 'countMessages'>>

export function compose(env: Env, { models, watched }: Settings, clients = awsClients()): Composed {
  const queue: QueueBackend = composeQueue(env, clients)
  const { countMessages } = queue
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    queue,
    ...(watched && countMessages && { watched, countMessages }),
    clock: systemClock,
    models,
    ...telemetry(env),
  }
}
