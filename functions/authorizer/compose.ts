import { dynamoDb } from '../core/platform/aws-clients.ts'
import { systemClock } from '../core/platform/clock.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { dynamoAccess } from '../core/stores/access/dynamodb.ts'
import type { Env } from './env.ts'
import type { AuthorizerPorts } from './ports.ts'
import { rememberKeys } from './remember-keys.ts'

export const compose = (env: Env): AuthorizerPorts & Telemetry => ({
  authorized: rememberKeys(dynamoAccess(dynamoDb(), { keys: env.KEYS_TABLE, users: env.USERS_TABLE }), systemClock),
  ...telemetry(env, { isTraced: false }),
})
