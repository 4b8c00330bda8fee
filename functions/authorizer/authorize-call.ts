import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda'
import { authorize } from './authorize.ts'
import type { AuthorizerPorts } from './ports.ts'

/** The parts of API Gateway's question that are looked at. */
export type AuthorizerEvent = Pick<APIGatewayRequestAuthorizerEventV2, 'headers'>

/**
 * Tells API Gateway who calls. It answers 403 to `isAuthorized: false`, and 500 when this rejects: then nobody is let in by
 * mistake.
 */
export async function authorizeCall(
  { access, clock }: AuthorizerPorts,
  { headers }: AuthorizerEvent,
): Promise<APIGatewaySimpleAuthorizerWithContextResult<Record<string, string | number>>> {
  const user = await authorize(access, headers?.['x-api-key'] ?? '', clock())
  if (!user) return { isAuthorized: false, context: {} }
  const { user_id, plan, overrides } = user
  const limits = Object.fromEntries(Object.entries(overrides).filter(([, limit]) => limit !== undefined))
  return { isAuthorized: true, context: { user_id, plan, ...limits } }
}
