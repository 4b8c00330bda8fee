import {
  HTTP_REQUEST_METHOD,
  HTTP_RESPONSE_STATUS_CODE,
  HTTP_ROUTE,
  URL_PATH,
  URL_SCHEME,
} from '../platform/tracing/attributes.ts'
import { inSpan } from '../platform/tracing/in-span.ts'
import type { Tracer } from '../platform/tracing/port.ts'
import type { HttpCall } from './call.ts'
import type { HttpResponse } from './response.ts'
import { NO_ROUTE, ROUTES } from './routes.ts'

/**
 * Answers a call, and records it as a server span. The span belongs to the client's trace, or begins a new trace. The
 * answer has the span's `traceparent`. A call of a route that needs no key is not traced: anybody may make such calls,
 * and monitors make them all the time, so their traces would only cost storage and money.
 */
export async function tracedCall(
  tracing: Pick<Tracer, 'start'>,
  { route, path, headers }: HttpCall,
  answer: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  if (OPEN_ROUTES.has(route)) return answer()
  const [method = '', pattern] = route.split(' ')
  const attributes = {
    [HTTP_REQUEST_METHOD]: method,
    [HTTP_ROUTE]: pattern,
    [URL_PATH]: path,
    [URL_SCHEME]: headers['x-forwarded-proto'] ?? 'https',
  }
  return inSpan(tracing, route, { kind: 'server', attributes, parent: headers.traceparent }, async span => {
    const response = await answer()
    const { statusCode = 200 } = response
    span.set({ [HTTP_RESPONSE_STATUS_CODE]: statusCode })
    if (statusCode >= 500) span.fail(String(statusCode))
    const { traceparent } = span
    return traceparent === undefined ? response : { ...response, headers: { ...response.headers, traceparent } }
  })
}

const OPEN_ROUTES: ReadonlySet<string> = new Set([
  NO_ROUTE,
  ...ROUTES.flatMap(({ method, path, needs_key }) => (needs_key ? [] : [`${method} ${path}`])),
])
