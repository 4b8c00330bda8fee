import type { Accepted } from '../core/admission/accept.ts'
import type { Prepared } from '../core/admission/prepare.ts'
import { rateLimitHeaders } from '../core/admission/rate-limit-headers.ts'
import type { RequestView } from '../core/lifecycle/view-request.ts'
import { type HttpResponse, json } from '../core/platform/http.ts'

/** How soon to look for the end of a request, in seconds. */
const POLL_SECONDS = 1

export function accepted(prepared: Prepared, { item, left }: Accepted): HttpResponse {
  const body = {
    request_id: item.request_id,
    status: 'queued',
    estimated_tokens: item.estimate,
    model: item.model,
    priority: item.priority,
    created_at: new Date(item.created_at).toISOString(),
  }
  return json(202, body, { ...headersOf(prepared, { item, left }), 'Retry-After': String(POLL_SECONDS) })
}

/** The answer to a client that preferred to wait, and did not wait in vain. */
export const ended = (prepared: Prepared, answer: Accepted, view: RequestView, seconds: number): HttpResponse =>
  json(200, view, { ...headersOf(prepared, answer), 'Preference-Applied': `wait=${seconds}` })

const headersOf = (prepared: Prepared, { item, left }: Accepted) => ({
  Location: `/v1/inference/${item.request_id}`,
  'x-request-id': item.request_id,
  ...rateLimitHeaders(prepared, left),
})
