import { isTerminal } from '../core/domain/item.ts'
import type { HttpCall } from '../core/http/call.ts'
import type { HttpResponse } from '../core/http/response.ts'
import { acceptedAnswer, endedAnswer } from '../core/inference-api/answers.ts'
import { parseBody, toSubmission } from '../core/inference-api/body.ts'
import { waitForCompletion } from '../core/lifecycle/wait-for-completion.ts'
import { preferredWait } from './headers.ts'
import type { GatewayPorts } from './ports.ts'
import { ANSWER_MS, type Submitted, submitCall } from './submit-call.ts'

/**
 * Answers `POST /v1/inference`: admits a request, and waits for its end if the client prefers that. Throws
 * `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached.
 */
export async function postInference(ports: GatewayPorts, call: HttpCall): Promise<HttpResponse> {
  const submitted = await submitCall(ports, call, () => toSubmission(parseBody(call.body())))
  const { prepared, accepted } = submitted
  return (await endedInTime(ports, call, submitted)) ?? acceptedAnswer(prepared, accepted)
}

/**
 * Returns the answer with the end of the request, if the client prefers to wait and the request ends in time. The
 * request is already accepted. So an error of the wait is only logged, and the answer is then 202.
 */
async function endedInTime(
  ports: GatewayPorts,
  call: HttpCall,
  { prepared, accepted }: Submitted,
): Promise<HttpResponse | undefined> {
  const seconds = preferredWait(call.headers)
  if (seconds === 0) return undefined
  const { user_id, request_id } = accepted.item
  const ms = Math.min(seconds * 1000, call.remainingMs() - ANSWER_MS)
  try {
    // Only one call may wait for the same request here. A client that repeats a call has usually given up its earlier
    // call, so the repetitions must not add up to many waits, each of which occupies a Lambda execution.
    const view = await waitForCompletion(ports, user_id, request_id, { ms, beside_others: false })
    return isTerminal(view.status) ? endedAnswer(prepared, accepted, view, seconds) : undefined
  } catch (error) {
    ports.logger.error('the wait for a request failed', { request_id, error: error as Error })
    return undefined
  }
}
