import type { Accepted } from '../admission/accept.ts'
import type { Prepared } from '../admission/prepare.ts'
import { type HttpResponse, json } from '../http/response.ts'
import type { RequestView } from '../lifecycle/view-request.ts'
import { rateLimitHeaders } from './rate-limit-headers.ts'

/** The time after which a client should ask whether its request has ended, in seconds. */
const POLL_S = 1

/** Builds the answer to a post that was accepted. */
export function acceptedAnswer(prepared: Prepared, accepted: Accepted): HttpResponse {
  const { item } = accepted
  const body = {
    request_id: item.request_id,
    status: 'queued',
    estimated_tokens: item.estimate,
    model: item.model,
    priority: item.priority,
    created_at: new Date(item.created_at).toISOString(),
  }
  return json(202, body, { ...headersOf(prepared, accepted), 'Retry-After': String(POLL_S) })
}

/**
 * Builds the answer to a post whose client asked to wait (`Prefer: wait=N`), and whose request has ended in that time.
 */
export const endedAnswer = (
  prepared: Prepared,
  accepted: Accepted,
  view: RequestView,
  waitSeconds: number,
): HttpResponse => json(200, view, { ...headersOf(prepared, accepted), 'Preference-Applied': `wait=${waitSeconds}` })

const headersOf = ({ limits, window, request }: Prepared, { item, left }: Accepted) => ({
  Location: `/v1/inference/${item.request_id}`,
  'x-request-id': item.request_id,
  ...rateLimitHeaders({ limits, window, at: request.created_at, left }),
})
