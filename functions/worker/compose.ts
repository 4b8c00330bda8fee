import { dynamoGuards } from '../guard/dynamodb.ts'
import { createGuard } from '../guard/guard.ts'
import { httpEndpoint } from '../inference/http-endpoint.ts'
import { createMappings } from '../inference/mapping.ts'
import { secretsManager } from '../inference/secrets.ts'
import { dynamoItems } from '../items/dynamodb.ts'
import { lazyS3Payloads } from '../payloads/lazy-s3.ts'
import { awsClients } from '../platform/aws-clients.ts'
import { systemClock, systemSleep } from '../platform/clock.ts'
import { randomIds } from '../platform/ids.ts'
import { systemRandom } from '../platform/random.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
import { sqsQueue } from '../queue/sqs.ts'
import { dynamoQuota } from '../quota/dynamodb.ts'
import type { Env } from './env.ts'
import type { WorkerPorts } from './ports.ts'
import type { Settings } from './settings.ts'
import { tellChanges } from './tell-changes.ts'

export function compose(env: Env, settings: Settings, clients = awsClients()): WorkerPorts & Telemetry {
  const { logger, metrics } = telemetry(env)
  const store = dynamoGuards(clients.dynamoDb, env.MODELS_TABLE)
  const onChange = tellChanges({ logger, metrics, settings })
  const system = { clock: systemClock, sleep: systemSleep, ids: randomIds, random: systemRandom }
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE),
    queue: sqsQueue(clients.sqs, env.QUEUE_URL_PREFIX),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    guard: createGuard({ ...system, store, onChange }, settings.model, settings),
    endpoint: httpEndpoint(settings.endpoint, secretsManager(systemClock)),
    mappings: createMappings(settings),
    ...system,
    settings,
    logger,
    metrics,
  }
}
