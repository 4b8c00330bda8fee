import type { Accepted } from '../core/admission/accept.ts'
import type { Prepared } from '../core/admission/prepare.ts'
import { RequestError } from '../core/domain/errors.ts'
import { isTerminal } from '../core/domain/item.ts'
import type { Operation } from '../core/domain/operation.ts'
import type { HttpCall } from '../core/http/call.ts'
import type { HttpResponse } from '../core/http/response.ts'
import { type RequestView, toView, viewResponse } from '../core/lifecycle/view-request.ts'
import { acquireLease, lookUntil, MAX_WAIT_SECONDS, releaseLease } from '../core/lifecycle/wait-for-completion.ts'
import { backgroundAnswer, endedAnswer, stillRunning } from '../core/openai-api/answers.ts'
import { rateLimitHeaders } from '../core/openai-api/rate-limit-headers.ts'
import { type OpenAiCall, parseOpenAi } from '../core/openai-api/submission.ts'
import type { WaitLease } from '../core/stores/waits/port.ts'
import type { OpenAiPorts } from './ports.ts'
import { ANSWER_MS, submitCall } from './submit-call.ts'

/**
 * Makes the function that answers a POST of the OpenAI API. It admits a request as `POST /v1/inference` does, and waits
 * for its end, unless the client asks for `background`. Throws `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached.
 */
export const postOpenAi =
  (operation: Operation) =>
  async (ports: OpenAiPorts, call: HttpCall): Promise<HttpResponse> => {
    const waitsUntil = ports.clock() + Math.min(MAX_WAIT_SECONDS * 1000, call.remainingMs() - ANSWER_MS)
    const held: { asked?: OpenAiCall; lease?: WaitLease | undefined } = {}
    const read = () => {
      held.asked = parseOpenAi(operation, call.body(), ports.abilities)
      return held.asked.submission
    }
    // The lease (the right to wait for the result) is taken before the request exists. If the call can't wait, the
    // client must not pay for a request whose id it does not know.
    const takeLease = async ({ request: { user_id, request_id } }: Prepared) => {
      if (held.asked?.background) return
      held.lease = await acquireLease(ports, user_id, request_id, true, waitsUntil)
      if (!held.lease) throw tooManyWaits()
    }
    try {
      const { prepared, accepted } = await submitCall(ports, call, read, takeLease)
      const { asked } = held
      const headers = headersOf(prepared, accepted)
      if (!asked || asked.background)
        return backgroundAnswer(await viewOf(ports, accepted), headers, asked?.submission.body)
      return endedAnswer(operation, await endOf(ports, accepted, waitsUntil), asked, headers)
    } finally {
      if (held.lease) await releaseLease(ports, held.lease)
    }
  }

/**
 * Returns the request as it is now. A repeated call with an Idempotency-Key may find a request that has ended or was
 * deleted.
 */
const viewOf = async (ports: OpenAiPorts, { item }: Accepted): Promise<RequestView> =>
  item.status === 'queued' && !item.erased ? toView(item) : await viewResponse(ports, item.user_id, item.request_id)

const TOO_MANY_WAITS_RETRY_S = 5

const tooManyWaits = (): RequestError =>
  new RequestError(
    'too_many_waits',
    'too many calls wait for an answer already; this call has admitted nothing: try again, or use `background: true` of responses',
    { retry_after_s: TOO_MANY_WAITS_RETRY_S },
  )

/**
 * Waits for the end of a request. The request is already admitted. So if reading it fails, the answer must not look
 * like a failed call, which a client would repeat: it says that the request still runs.
 */
async function endOf(ports: OpenAiPorts, { item }: Accepted, until: number): Promise<RequestView> {
  const { user_id, request_id } = item
  let view: RequestView | undefined
  try {
    view = await lookUntil(ports, user_id, request_id, until)
  } catch (error) {
    // A `RequestError` here says that the owner has deleted the request, and the client gets this error as its answer. After any other error, the
    // request may still run, and the client is told so.
    if (error instanceof RequestError) throw error
    ports.logger.error('the wait for a request failed', { request_id, error: error as Error })
  }
  if (view && isTerminal(view.status)) return view
  throw stillRunning(request_id)
}

const headersOf = ({ limits, window, request }: Prepared, { item, left }: Accepted): Record<string, string> => ({
  'x-request-id': item.request_id,
  ...rateLimitHeaders({ limits, window, at: request.created_at, left }),
})
