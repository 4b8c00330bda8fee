import type { Logger } from '@aws-lambda-powertools/logger'
import type { MiddlewareObj } from '@middy/core'
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { API_ERRORS, ApiError, refusalOf } from '../domain/errors.ts'
import { Unavailable } from './unavailable.ts'

export type HttpResponse = APIGatewayProxyStructuredResultV2

export const json = (statusCode: number, body: unknown, headers: Record<string, string> = {}): HttpResponse => ({
  statusCode,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
  ...encode(JSON.stringify(body)),
})

/** In bytes. Larger bodies leave in base64, which API Gateway undoes. */
const MAX_PLAIN_BYTES = 1024 * 1024

/** Lambda answers with at most 6 MB of JSON, in which quotes and backslashes of a text double; base64 grows by a third, whatever the text. */
function encode(text: string): Pick<HttpResponse, 'body' | 'isBase64Encoded'> {
  if (Buffer.byteLength(text) <= MAX_PLAIN_BYTES) return { body: text }
  return { body: Buffer.from(text).toString('base64'), isBase64Encoded: true }
}

/** How long a client waits before it tries again what was unavailable, in seconds. */
const UNAVAILABLE_RETRY_SECONDS = 2

/** Answers every error in the API's shape. Only our own sentences leave the function, never an exception's. */
export const answerErrors = (logger: Logger): MiddlewareObj => ({
  onError: request => {
    request.response = toResponse(request.error, logger)
  },
})

function toResponse(error: unknown, logger: Logger): HttpResponse {
  const known = toApiError(error, logger)
  return json(API_ERRORS[known.code], refusalOf(known), known.headers)
}

/** What a client is told of an error: its own sentence if it is one of ours, else one of ours; the log has the rest. */
export function toApiError(error: unknown, logger: Pick<Logger, 'error'>): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof Unavailable) {
    logger.error('a service is unavailable', error)
    return new ApiError('unavailable', 'the service is unavailable for the moment: try again', {
      headers: { 'Retry-After': String(UNAVAILABLE_RETRY_SECONDS) },
    })
  }
  logger.error('unexpected error', error as Error)
  return new ApiError('internal_error', 'something went wrong here; nothing is known to be wrong with the request')
}
