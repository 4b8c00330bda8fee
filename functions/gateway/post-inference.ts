import type { Accepted } from '../core/admission/accept.ts'
import { type Prepared, prepare } from '../core/admission/prepare.ts'
import { RequestError } from '../core/domain/errors.ts'
import { isTerminal } from '../core/domain/item.ts'
import { planOf } from '../core/domain/quota-settings.ts'
import type { HttpCall } from '../core/http/call.ts'
import type { HttpResponse } from '../core/http/response.ts'
import { acceptedAnswer, endedAnswer } from '../core/inference-api/answers.ts'
import { parseBody, toSubmission } from '../core/inference-api/body.ts'
import { waitForCompletion } from '../core/lifecycle/wait-for-completion.ts'
import { idempotencyKey, preferredWait } from './headers.ts'
import type { GatewayPorts } from './ports.ts'
import { submitKeyed } from './submit-keyed.ts'
import { submitRequest } from './submit-request.ts'

/** The answer is made in this time, which is left of the invocation when a wait ends. Milliseconds. */
const ANSWER_MS = 2_000

/** `POST /v1/inference`: admits a request, and waits for its end if the client prefers that. Throws `RequestError`, and `Unavailable`. */
export async function postInference(ports: GatewayPorts, call: HttpCall): Promise<HttpResponse> {
  const { settings, calls, metrics } = ports
  const caller = call.caller()
  const { rate } = planOf(settings.quotas, caller.plan).plan
  const now = ports.clock()
  try {
    calls.count(caller.user_id, rate, now)
    const key = idempotencyKey(call.headers)
    const submission = toSubmission(parseBody(call.body()))
    const prepared = await prepare(ports, settings, ports.route, caller, submission)
    const accepted = await (key === undefined ? submitRequest(ports, prepared) : submitKeyed(ports, key, prepared))
    metrics.add('AcceptedRequests', 1)
    metrics.add('ReservedTokens', accepted.item.estimate)
    return (await endedInTime(ports, call, prepared, accepted)) ?? acceptedAnswer(prepared, accepted)
  } catch (error) {
    if (error instanceof RequestError) metrics.add('RefusedRequests', 1)
    if (error instanceof RequestError && error.code === 'rate_exceeded') calls.exhaust(caller.user_id, rate, now)
    throw error
  }
}

/**
 * The answer with the end of the request, if the client prefers to wait for it and it comes in time. The request is accepted
 * whatever happens here.
 */
async function endedInTime(
  ports: GatewayPorts,
  call: HttpCall,
  prepared: Prepared,
  accepted: Accepted,
): Promise<HttpResponse | undefined> {
  const seconds = preferredWait(call.headers)
  if (seconds === 0) return undefined
  const { user_id, request_id } = accepted.item
  const ms = Math.min(seconds * 1000, call.remainingMs() - ANSWER_MS)
  try {
    // A client that repeats a call has mostly given up its earlier call, so the earlier call's wait is of no use to anybody.
    const view = await waitForCompletion(ports, user_id, request_id, { ms, beside_others: false })
    return isTerminal(view.status) ? endedAnswer(prepared, accepted, view, seconds) : undefined
  } catch (error) {
    ports.logger.error('the wait for a request failed', { request_id, error: error as Error })
    return undefined
  }
}
