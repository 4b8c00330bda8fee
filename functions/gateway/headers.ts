import { RequestError } from '../core/domain/errors.ts'
import { MAX_WAIT_SECONDS } from '../core/lifecycle/wait-for-completion.ts'

const MAX_KEY_LENGTH = 255

/**
 * Returns the Idempotency-Key of a call. Returns undefined without one. Throws `RequestError` if it is empty or too
 * long.
 */
export function idempotencyKey(headers: Record<string, string | undefined>): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined || (key.length > 0 && key.length <= MAX_KEY_LENGTH)) return key
  const message = `must have 1 to ${MAX_KEY_LENGTH} characters`
  throw new RequestError('invalid_request', `the header Idempotency-Key ${message}`, {
    problems: [{ path: 'Idempotency-Key', message }],
  })
}

/**
 * Returns the number of seconds that the client prefers to wait (RFC 7240), at most the longest wait. Returns 0 without
 * such a preference.
 */
export function preferredWait(headers: Record<string, string | undefined>): number {
  const preferences = (headers.prefer ?? '').split(',').map(preference => preference.split(';')[0]?.trim() ?? '')
  const [seconds] = preferences.flatMap(preference => /^wait\s*=\s*("?)(\d{1,6})\1$/i.exec(preference)?.[2] ?? [])
  return Math.min(Number(seconds ?? 0), MAX_WAIT_SECONDS)
}
