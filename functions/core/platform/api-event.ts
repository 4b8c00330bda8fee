import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda'
import { ApiError } from '../domain/errors.ts'
import { Caller } from './caller.ts'

/** An HTTP API request, payload format 2.0, behind our authorizer. */
export type ApiEvent = APIGatewayProxyEventV2WithLambdaAuthorizer<Record<string, unknown>>

export const callerOf = (event: ApiEvent): Caller => Caller.parse(event.requestContext.authorizer.lambda)

/**
 * The body as text; API Gateway gives it in base64 unless its content type says that it is text. Throws `ApiError` for bytes
 * that are none.
 */
export function bodyOf({ body = '', isBase64Encoded }: ApiEvent): string {
  if (!isBase64Encoded) return body
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(body, 'base64'))
  } catch {
    const message = 'is not valid UTF-8'
    throw new ApiError('invalid_request', `the body ${message}`, { body: { details: [{ path: '', message }] } })
  }
}
