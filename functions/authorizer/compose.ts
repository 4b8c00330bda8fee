import { dynamoAccess } from '../access/dynamodb.ts'
import type { Access } from '../access/port.ts'
import { dynamoDb } from '../platform/aws-clients.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
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
