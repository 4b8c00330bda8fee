import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda'
import type { Refused } from '../core/platform/caller.ts'
import type { UserRecord } from '../core/stores/access/port.ts'
import type { AuthorizerPorts } from './ports.ts'
import { presentedKey } from './presented-key.ts'

/** The parts of API Gateway's event that the authorizer reads. */
export type AuthorizerEvent = Pick<APIGatewayRequestAuthorizerEventV2, 'headers'>

type Answer = APIGatewaySimpleAuthorizerWithContextResult<Record<string, string | number>>

/**
 * Tells the functions behind API Gateway which user calls, or that the call must be refused (docs/adr/0045). If this
 * function denied the call, API Gateway would answer 403 in its own form. So this function lets the call pass with the
 * note `refused`. Then `httpHandler` answers the call in the form of its API, before it does anything else. If this
 * function rejects, API Gateway answers 500, so no call is allowed by mistake.
 */
export async function authorizeCall({ authorized }: AuthorizerPorts, { headers }: AuthorizerEvent): Promise<Answer> {
  const key = presentedKey(headers)
  if (key === undefined) return refusing('no key')
  const user = await authorized(key)
  return user ? { isAuthorized: true, context: contextOf(user) } : refusing('bad key')
}

const refusing = (refused: Refused): Answer => ({ isAuthorized: true, context: { refused } })

function contextOf({ user_id, plan, overrides }: UserRecord): Answer['context'] {
  const limits = Object.fromEntries(Object.entries(overrides).filter(([, limit]) => limit !== undefined))
  return { user_id, plan, ...limits }
}
