import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda'
import { rejectPlainly } from '../core/platform/strip-error-stack.ts'
import { authorize } from './authorize.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'

const {
  access,
  clock,
  telemetry: { logger },
} = compose(Env.parse(process.env))

/** API Gateway answers 403 to `isAuthorized: false`, and 500 when this throws: then no one is let in by mistake. */
async function handle(
  event: APIGatewayRequestAuthorizerEventV2,
): Promise<APIGatewaySimpleAuthorizerWithContextResult<Record<string, string | number>>> {
  const user = await authorize(access, event.headers?.['x-api-key'] ?? '', clock())
  if (!user) return { isAuthorized: false, context: {} }
  const { user_id, plan, overrides } = user
  const limits = Object.fromEntries(Object.entries(overrides).filter(([, limit]) => limit !== undefined))
  return { isAuthorized: true, context: { user_id, plan, ...limits } }
}

export const handler = middy(handle).use(injectLambdaContext(logger)).use(rejectPlainly(logger))
