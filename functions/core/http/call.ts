import type { APIGatewayProxyEventV2WithLambdaAuthorizer, Context } from 'aws-lambda'
import { RequestError } from '../domain/errors.ts'
import { Caller, Refused } from '../platform/caller.ts'

/** The event of API Gateway for a call of the HTTP API (payload format 2.0), with the result of our authorizer. */
export type ApiEvent = APIGatewayProxyEventV2WithLambdaAuthorizer<Record<string, unknown>>

/** A call to the API, without the types of Lambda and API Gateway. */
export interface HttpCall {
  /** The key of the route, such as `GET /v1/quota`. It is `$default` for a path and a method without a route. */
  readonly route: string
  readonly path: string
  /** The headers. Their names are in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly query: Readonly<Record<string, string | undefined>>
  /** The values of the variables in the route's path, such as `request_id`. */
  readonly parameters: Readonly<Record<string, string | undefined>>
  /** Returns the caller. Throws on a route that needs no key, because a call of such a route has no caller. */
  caller(): Caller
  /** Returns the body as text. Throws `RequestError` if the bytes of the body are not valid UTF-8. */
  body(): string
  /** Returns how long the invocation may still run, in milliseconds. */
  remainingMs(): number
}

/**
 * Throws a `RequestError` if the authorizer has refused the key of a call. A call of a route without an authorizer
 * passes, and has no caller.
 */
export function checkKey({ requestContext }: ApiEvent): void {
  const context: ApiEvent['requestContext']['authorizer'] | undefined = requestContext.authorizer
  const { data } = Refused.safeParse(context?.lambda.refused)
  if (data === 'no key') throw new RequestError('unauthorized', 'the call has no API key')
  if (data === 'bad key') throw new RequestError('forbidden', 'the API key is unknown, expired or revoked')
}

export const toCall = (event: ApiEvent, context: Context): HttpCall => ({
  route: event.routeKey,
  path: event.rawPath,
  headers: event.headers,
  query: event.queryStringParameters ?? {},
  parameters: event.pathParameters ?? {},
  caller: () => Caller.parse(event.requestContext.authorizer.lambda),
  body: () => bodyOf(event),
  remainingMs: () => context.getRemainingTimeInMillis(),
})

/** Returns the body as text. API Gateway encodes a body in base64 unless its content type says that it is text. */
function bodyOf({ body = '', isBase64Encoded }: ApiEvent): string {
  if (!isBase64Encoded) return body
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(body, 'base64'))
  } catch {
    const message = 'is not valid UTF-8'
    throw new RequestError('invalid_request', `the body ${message}`, { problems: [{ path: '', message }] })
  }
}
