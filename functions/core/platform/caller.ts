import * as z from 'zod'
import { UserId } from '../domain/ids.ts'
import type { Overrides } from '../domain/limits.ts'

/** Why the authorizer refuses a call. */
export const Refused = z.enum(['no key', 'bad key'])
export type Refused = z.infer<typeof Refused>

const Limit = z.coerce.number().int().positive().optional()

/**
 * The caller, as the authorizer describes it to the functions behind API Gateway. API Gateway passes no nested objects,
 * so each limit is a field of its own. A limit is absent unless an operator has set it for this user.
 */
export const Caller = z.object({
  user_id: UserId,
  plan: z.string(),
  requests: Limit,
  tokens: Limit,
  in_flight: Limit,
})
export type Caller = z.infer<typeof Caller>

export const overridesOf = ({ requests, tokens, in_flight }: Caller): Overrides => ({ requests, tokens, in_flight })
