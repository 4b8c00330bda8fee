import { dynamoItems } from '../items/dynamodb.ts'
import { lazyS3Payloads } from '../payloads/lazy-s3.ts'
import { awsClients } from '../platform/aws-clients.ts'
import { systemClock } from '../platform/clock.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
import { sqsQueue } from '../queue/sqs.ts'
import { dynamoQuota } from '../quota/dynamodb.ts'
import type { Env } from './env.ts'
import type { SweeperPorts } from './ports.ts'

export function compose(env: Env, clients = awsClients()): SweeperPorts & Telemetry {
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    queue: sqsQueue(clients.sqs, env.QUEUE_URL_PREFIX),
    clock: systemClock,
    ...telemetry(env),
  }
}
