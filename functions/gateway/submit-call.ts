import type { Accepted } from '../core/admission/accept.ts'
import { type Prepared, prepare } from '../core/admission/prepare.ts'
import { RequestError } from '../core/domain/errors.ts'
import { planOf } from '../core/domain/quota-settings.ts'
import type { Submission } from '../core/domain/submission.ts'
import type { HttpCall } from '../core/http/call.ts'
import { requestAttributes } from '../core/platform/tracing/request-attributes.ts'
import { idempotencyKey } from './headers.ts'
import type { GatewayPorts } from './ports.ts'
import { submitKeyed } from './submit-keyed.ts'
import { submitRequest } from './submit-request.ts'

/** The time that is kept for the answer at the end of the invocation, when a wait ends. Milliseconds. */
export const ANSWER_MS = 2_000

export interface Submitted {
  readonly prepared: Prepared
  readonly accepted: Accepted
}

/**
 * Admits the request of a call to any API. `read` makes a submission of the call's body. `mayGoOn` may still refuse the
 * call. Without an Idempotency-Key, `mayGoOn` runs after the quota has admitted the request, so that a call over the
 * quota is refused without the cost of `mayGoOn`. With a key, it runs before, because another call with the same key
 * may rely on the reservation, which then can't be released. Throws `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached.
 */
export async function submitCall(
  ports: GatewayPorts,
  call: HttpCall,
  read: () => Submission,
  mayGoOn: (prepared: Prepared) => Promise<void> = async () => undefined,
): Promise<Submitted> {
  const { settings, calls, metrics, tracing } = ports
  const caller = call.caller()
  const { rate } = planOf(settings.quotas, caller.plan).plan
  const now = ports.clock()
  try {
    calls.count(caller.user_id, rate, now)
    const key = idempotencyKey(call.headers)
    const prepared = await prepare(ports, settings, ports.route, caller, read())
    if (key !== undefined) await mayGoOn(prepared)
    const accepted = await (key === undefined
      ? submitRequest(ports, prepared, () => mayGoOn(prepared))
      : submitKeyed(ports, key, prepared))
    metrics.add('AcceptedRequests', 1)
    metrics.add('ReservedTokens', accepted.item.estimate)
    tracing.current().set(requestAttributes(accepted.item))
    return { prepared, accepted }
  } catch (error) {
    if (error instanceof RequestError) metrics.add('RefusedRequests', 1)
    if (error instanceof RequestError && error.code === 'rate_exceeded') calls.exhaust(caller.user_id, rate, now)
    throw error
  }
}
