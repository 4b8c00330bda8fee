import type { Logger } from '@aws-lambda-powertools/logger'
import { isThrottlingError, isTransientError } from '@smithy/core/retry'
import * as z from 'zod'

/**
 * Says that a store or a queue did not answer, or that its answer was lost. The call may have had its effect or not. A
 * later try may succeed. So messages wait in their queue for a later try, and clients get an answer that says to try
 * again.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly what: string

  constructor(what: string, cause: unknown) {
    super(`${what} is unavailable: ${describeError(cause)}`, { cause })
    this.what = what
  }
}

/**
 * Says that a request could neither be admitted nor withdrawn, so it is not known whether it runs. Its client should
 * look for the request by its id before it posts again, because another post may be a second request.
 */
export class MayBeAdmitted extends Unavailable {
  readonly requestId: string

  constructor(requestId: string, cause: Unavailable) {
    super(cause.what, cause)
    this.requestId = requestId
  }
}

/**
 * Says that a call failed because of an error in Sluice or in its deployment: a bug, a missing permission, a wrong
 * name, or a stored value that can't be parsed. The same call fails again until the code or the deployment is
 * corrected.
 */
export class Defect extends Error {
  override readonly name = 'Defect'
  readonly what: string

  constructor(what: string, cause: unknown) {
    super(`a call of ${what} failed by a defect: ${describeError(cause)}`, { cause })
    this.what = what
  }
}

/**
 * Returns the name and the message of an error. The name `Error` says nothing, so it is left out. A ZodError's own message
 * may quote a value, so only its paths and codes are used.
 */
export function describeError(error: unknown): string {
  if (error instanceof z.ZodError)
    return `${error.name}: ${error.issues.map(({ path, code }) => `${path.join('.') || '(whole)'} ${code}`).join(', ')}`
  if (!(error instanceof Error)) return String(error)
  return error.name === 'Error' ? error.message : `${error.name}: ${error.message}`
}

/** Network errors of Node that the SDK's own list lacks. */
const NETWORK_CODES = new Set([
  'EBUSY',
  'EAI_FAIL',
  'EMFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'EPROTO',
  'ECONNABORTED',
  'EHOSTDOWN',
  'ENETDOWN',
  'ENOTCONN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_SOCKET_CLOSED',
])

const TRANSIENT_NAMES = new Set([
  // Only timeouts abort calls in this code, so a later try may succeed.
  'AbortError',
  // The source of credentials is a service, too. The SDK has the same error for an outage of this source and for a
  // source without credentials. In both cases, the call was not sent.
  'CredentialsProviderError',
  // After one of these errors, the next call uses newer credentials, or the SDK has corrected its clock.
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'RequestTimeTooSkewed',
])

const isError = (error: unknown): error is Parameters<typeof isThrottlingError>[0] => error instanceof Error

/**
 * Returns whether a later try of the same call may succeed: the network failed, the service throttled or failed on its
 * side, or its answer was lost. The SDK's own rules are asked first. The lists in this file add errors that they lack.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof Unavailable) return true
  if (!isError(error)) return false
  return (
    isThrottlingError(error) ||
    isTransientError(error) ||
    TRANSIENT_NAMES.has(error.name) ||
    ('$fault' in error && error.$fault === 'server') ||
    ('code' in error && typeof error.code === 'string' && NETWORK_CODES.has(error.code)) ||
    // The SDK could not read the answer, because it was cut off, or because a proxy has written it. The call may have
    // had its effect.
    (error instanceof SyntaxError && '$response' in error)
  )
}

/**
 * Runs a call of `what`. Rejects with `Unavailable` if the error is transient, and with `Defect` if it is not.
 * `isTransientToo` recognizes transient errors of this service that the SDK does not know.
 */
export async function reaching<T>(
  what: string,
  call: () => Promise<T>,
  isTransientToo: (error: unknown) => boolean = () => false,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isFailedCall(error)) throw error
    throw isTransient(error) || isTransientToo(error) ? new Unavailable(what, error) : new Defect(what, error)
  }
}

/** Yields each page of a read, and converts its errors as `reaching` does. */
export async function* reachingEach<T>(what: string, pages: AsyncIterator<T>): AsyncGenerator<T> {
  for (;;) {
    const page = await reaching(what, () => pages.next())
    if (page.done) return
    yield page.value
  }
}

/**
 * Returns whether an error is the failure of a call of a store or a queue, from an outage or from a defect. Any other
 * error is a bug of the caller.
 */
export const isFailedCall = (error: unknown): error is Unavailable | Defect =>
  error instanceof Unavailable || error instanceof Defect

/**
 * Logs an outage at WARN and a defect at ERROR, which is counted, and returns, so that the caller goes on. Throws any
 * other error. Use this only after a failed call whose result the caller does not need.
 */
export function goOnAfter(
  error: unknown,
  logger: Pick<Logger, 'warn' | 'error'>,
  message: string,
  fields: Readonly<Record<string, string>>,
): void {
  if (!isFailedCall(error)) throw error
  logger[error instanceof Unavailable ? 'warn' : 'error'](message, { ...fields, error })
}

/**
 * Ignores an outage, and throws any other error. Use this only for a call whose loss does no harm: other code does its
 * work later, or the call only makes later work cheaper.
 */
export function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof Unavailable)) throw error
}
