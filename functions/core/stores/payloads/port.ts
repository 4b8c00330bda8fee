import type { Payload } from '../../domain/messages.ts'

/** Stores JSON values that are too large for a message or a row, by key. Methods reject with `Unavailable`. */
export interface Payloads {
  /** Stores a JSON text. */
  put(key: string, json: string): Promise<void>
  /** Reads a value. Returns undefined if the key has no value. */
  get(key: string): Promise<unknown>
  /** Deletes a value. A key without a value is ignored. */
  delete(key: string): Promise<void>
}

/** Operations on stored values that only an operator needs. Rejects with `Unavailable` if the service can't be reached. */
export interface PayloadsAdmin {
  /** Deletes all bodies and results of a user's requests. Returns how many it has deleted. */
  deleteOfUser(userId: string): Promise<number>
}

/**
 * The size of the largest value that messages and rows contain themselves, in bytes of JSON in UTF-8. A larger value is
 * in the payload store, and messages and rows contain only its key. The reasons for this limit: SQS bills by 64 KiB,
 * and the RDS Data API returns no row over 64 KB.
 */
export const MAX_INLINE_BYTES = 48 * 1024

/** Returns the value itself if it is small; otherwise stores it and returns its key (the claim check pattern). */
export async function checkIn(payloads: Payloads, key: string, value: unknown): Promise<Payload> {
  const json = JSON.stringify(value)
  if (Buffer.byteLength(json) <= MAX_INLINE_BYTES) return { inline: value }
  await payloads.put(key, json)
  return { key }
}

/**
 * Returns the value of a payload, wherever it is. Returns undefined if its object no longer exists. Objects are deleted
 * after `observability.retention.payloads`.
 */
export async function findPayload(payloads: Pick<Payloads, 'get'>, payload: Payload): Promise<unknown> {
  return 'inline' in payload ? payload.inline : payloads.get(payload.key)
}

/** Returns the value of a payload, wherever it is. Throws if its object no longer exists. */
export async function checkOut(payloads: Payloads, payload: Payload): Promise<unknown> {
  if ('inline' in payload) return payload.inline
  const value = await payloads.get(payload.key)
  if (value === undefined) throw new Error(`no payload under ${payload.key}`)
  return value
}
