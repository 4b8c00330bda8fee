import { planOf } from '../core/domain/quota-settings.ts'
import type { HttpCall } from '../core/http/call.ts'
import { requestIdOf } from '../core/openai-api/request-ids.ts'
import type { Caller } from '../core/platform/caller.ts'
import type { ReaderPorts } from './ports.ts'

/** Returns the caller, and counts the call. Throws `RequestError` for a call over the rate of the caller's plan. */
export function countedCaller({ calls, settings, clock }: ReaderPorts, call: HttpCall): Caller {
  const caller = call.caller()
  calls.count(caller.user_id, planOf(settings.quotas, caller.plan).plan.rate, clock())
  return caller
}

/** Returns the id of the request in a call's path. The text may not be a valid id. */
export const requestIn = (call: HttpCall): string => requestIdOf(call.parameters.request_id ?? '')
