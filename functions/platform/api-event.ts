import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda'
import { Caller } from './caller.ts'

/** An HTTP API request, payload format 2.0, behind our authorizer. */
export type ApiEvent = APIGatewayProxyEventV2WithLambdaAuthorizer<Record<string, unknown>>

export const callerOf = (event: ApiEvent): Caller => Caller.parse(event.requestContext.authorizer.lambda)

/** The body as text; API Gateway gives it in base64 unless its content type says that it is text. */
export const bodyOf = ({ body = '', isBase64Encoded }: ApiEvent): string =>
  isBase64Encoded ? Buffer.from(body, 'base64').toString('utf8') : body
