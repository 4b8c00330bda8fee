import type { Logger } from '@aws-lambda-powertools/logger'
import { type ErrorDetails, RequestError } from '../domain/errors.ts'
import { MayBeAdmitted, Unavailable } from './unavailable.ts'

/** How long a client should wait before it repeats a call that failed because of an outage, in seconds. */
const UNAVAILABLE_RETRY_S = 2

/**
 * Converts an error to the `RequestError` for the client. A `RequestError` stays as it is. For any other error, the log
 * gets the cause, and the client gets a general sentence.
 */
export function toRequestError(error: unknown, logger: Pick<Logger, 'error'>): RequestError {
  if (error instanceof RequestError) return error
  if (error instanceof Unavailable) {
    logger.error('a service is unavailable', error)
    const details = { retry_after_s: UNAVAILABLE_RETRY_S }
    if (error instanceof MayBeAdmitted) return mayBeAdmitted(error, details)
    return new RequestError('unavailable', 'the service is unavailable for the moment: try again', details)
  }
  logger.error('unexpected error', error as Error)
  return new RequestError('internal_error', 'something went wrong here; nothing is known to be wrong with the request')
}

function mayBeAdmitted({ requestId }: MayBeAdmitted, details: ErrorDetails): RequestError {
  const sentence = `the service is unavailable for the moment, and the request ${requestId} may have been admitted: look for it by its id before you post it again`
  return new RequestError('unavailable', sentence, { ...details, request_id: requestId, may_be_admitted: true })
}
