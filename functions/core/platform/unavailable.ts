import type { Logger } from '@aws-lambda-powertools/logger'
import { isThrottlingError, isTransientError } from '@smithy/core/retry'
import * as z from 'zod'

/**
 * A store or a queue did not answer, or its answer was lost. The call may have had its effect or not. A later try may
 * succeed, so messages wait for it and clients are told to try again.
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
 * A request could be neither admitted nor withdrawn: nobody knows now whether it runs. Its client looks for it by its id before posting
 * it again, since another post may be a second request.
 */
export class MayBeAdmitted extends Unavailable {
  readonly requestId: string

  constructor(requestId: string, cause: Unavailable) {
    super(cause.what, cause)
    this.requestId = requestId
  }
}

/**
 * A call failed by a fault of ours: a bug, a missing permission, a wrong name, a stored value that does not parse. The same
 * call fails again until somebody mends the code or the deployment.
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
 * Returns the name and the message of an error. A ZodError's own message may quote a value, so only its paths and codes
 * are used.
 */
export function describeError(error: unknown): string {
  if (error instanceof z.ZodError)
    return `${error.name}: ${error.issues.map(({ path, code }) => `${path.join('.') || '(whole)'} ${code}`).join(', ')}`
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
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
  // Only timeouts abort calls here.
  'AbortError',
  // The source of credentials is a service, too. The SDK has one error for a source that is away and for one that has none,
  // and a call without credentials was not sent.
  'CredentialsProviderError',
  // The next call takes newer credentials, or the SDK has corrected its clock by then.
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'RequestTimeTooSkewed',
])

const isError = (error: unknown): error is Parameters<typeof isThrottlingError>[0] => error instanceof Error

/**
 * Returns whether a later try of the same call may succeed: the network failed, the service throttled or failed on its
 * side, or its answer was lost. The SDK's own rules decide wherever it has any.
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
    // The SDK could not read the answer: it was cut off, or a proxy has written it. The call may have had its effect.
    (error instanceof SyntaxError && '$response' in error)
  )
}

/**
 * Runs a call of `what`. Rejects with `Unavailable` if the call failed by something transient, and with `Defect` if it failed
 * by anything else. `isTransientToo` knows errors of this service that the SDK does not call transient.
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

/** Does the same for each page of a reading. */
export async function* reachingEach<T>(what: string, pages: AsyncIterator<T>): AsyncGenerator<T> {
  for (;;) {
    const page = await reaching(what, () => pages.next())
    if (page.done) return
    yield page.value
  }
}

/**
 * Returns whether a call of a store or a queue failed, by an outage or by a defect. Any other error is a bug of the
 * caller.
 */
export const isFailedCall = (error: unknown): error is Unavailable | Defect =>
  error instanceof Unavailable || error instanceof Defect

/**
 * Goes on after a failed call that its caller can do without. Logs an outage at WARN and a defect at ERROR, where it is counted.
 * Throws any other error.
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

/** Goes on after a call that was unavailable, where others repeat its work or it only saves some. Throws any other error. */
export function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof Unavailable)) throw error
}
