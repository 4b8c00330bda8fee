import { dynamoUsers } from '../access/dynamodb.ts'
import { createRouter } from '../admission/route.ts'
import type { Settings } from '../admission/settings.ts'
import { dynamoInputKeys } from '../idempotency/dynamodb-inputs.ts'
import { dynamoItems } from '../items/dynamodb.ts'
import { lazyS3Payloads } from '../payloads/lazy-s3.ts'
import { awsClients, dynamoDbOnce } from '../platform/aws-clients.ts'
import { systemClock } from '../platform/clock.ts'
import { randomIds } from '../platform/ids.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
import { sqsQueue } from '../queue/sqs.ts'
import { dynamoQuota } from '../quota/dynamodb.ts'
import type { Env } from './env.ts'
import type { IntakePorts } from './ports.ts'

export function compose(
  env: Env,
  settings: Settings,
  clients = awsClients(),
  once = dynamoDbOnce(),
): IntakePorts & Telemetry {
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    inputs: dynamoInputKeys(clients.dynamoDb, env.REQUESTS_TABLE),
    users: dynamoUsers(clients.dynamoDb, env.USERS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE, once),
    queue: sqsQueue(clients.sqs, env.QUEUE_URL_PREFIX),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    route: createRouter(settings),
    clock: systemClock,
    ids: randomIds,
    settings,
    ...telemetry(env),
  }
}
