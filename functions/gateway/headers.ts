import { RequestError } from '../core/domain/errors.ts'
import { MAX_WAIT_SECONDS } from '../core/lifecycle/wait-for-completion.ts'

const MAX_KEY_LENGTH = 255

/** The Idempotency-Key, as it is; undefined without one. Throws `RequestError`. */
export function idempotencyKey(headers: Record<string, string | undefined>): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined || (key.length > 0 && key.length <= MAX_KEY_LENGTH)) return key
  const message = `must have 1 to ${MAX_KEY_LENGTH} characters`
  throw new RequestError('invalid_request', `the header Idempotency-Key ${message}`, {
    problems: [{ path: 'Idempotency-Key', message }],
  })
}

/** Seconds that the client prefers to wait (RFC 7240), as many as it can have; 0 without a preference that we know. */
export function preferredWait(headers: Record<string, string | undefined>): number {
  const preferences = (headers.prefer ?? '').split(',').map(preference => preference.split(';')[0]?.trim() ?? '')
  const [seconds] = preferences.flatMap(preference => /^wait\s*=\s*("?)(\d{1,6})\1$/i.exec(preference)?.[2] ?? [])
  return Math.min(Number(seconds ?? 0), MAX_WAIT_SECONDS)
}
