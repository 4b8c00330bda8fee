import { dynamoDb } from '../core/platform/aws-clients.ts'
import { type Clock, systemClock } from '../core/platform/clock.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { dynamoAccess } from '../core/stores/access/dynamodb.ts'
import type { Access } from '../core/stores/access/port.ts'
import type { Env } from './env.ts'

export interface AuthorizerPorts {
  readonly access: Access
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export const compose = (env: Env): AuthorizerPorts => ({
  access: dynamoAccess(dynamoDb(), { keys: env.KEYS_TABLE, users: env.USERS_TABLE }),
  clock: systemClock,
  telemetry: telemetry(env),
})
