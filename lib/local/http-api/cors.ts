import type { Answer } from './answer.ts'
import type { ApiRequest } from './event.ts'

/** An API's CorsConfiguration. */
export type Cors = {
  AllowOrigins: string[]
  AllowMethods: string[]
  AllowHeaders: string[]
  ExposeHeaders: string[]
  AllowCredentials: boolean
  MaxAge?: number | undefined
}

/** The headers that an answer gets; none for a request without Origin, or of an origin that isn't allowed. */
export function corsHeaders(cors: Cors, request: ApiRequest): Record<string, string> {
  const origin = request.headers?.origin
  if (origin === undefined) return {}
  const allowed = cors.AllowOrigins.includes('*') ? '*' : cors.AllowOrigins.find(candidate => candidate === origin)
  if (allowed === undefined) return {}
  return {
    'access-control-allow-origin': allowed,
    ...(cors.AllowCredentials && { 'access-control-allow-credentials': 'true' }),
    ...(cors.ExposeHeaders.length > 0 && { 'access-control-expose-headers': cors.ExposeHeaders.join(',') }),
  }
}

/** API Gateway's own answer to a preflight, or undefined if the request is none. */
export function preflightAnswer(cors: Cors, request: ApiRequest): Answer | undefined {
  const isPreflight =
    request.requestContext.http.method === 'OPTIONS' && request.headers?.['access-control-request-method'] !== undefined
  if (!isPreflight) return undefined
  const headers = {
    ...corsHeaders(cors, request),
    'access-control-allow-methods': cors.AllowMethods.join(','),
    'access-control-allow-headers': cors.AllowHeaders.join(','),
    ...(cors.MaxAge !== undefined && { 'access-control-max-age': String(cors.MaxAge) }),
  }
  return { statusCode: 204, headers, body: '' }
}
