import type { Payload } from '../../domain/messages.ts'

/** JSON values too large for a message or a row, by key. Methods reject with `Unavailable`. */
export interface Payloads {
  /** The text is JSON already. */
  put(key: string, json: string): Promise<void>
  /** Returns undefined when there is nothing under the key. */
  get(key: string): Promise<unknown>
  /** There may be nothing under the key. */
  delete(key: string): Promise<void>
}

/** What only an operator does with stored values. Rejects with `Unavailable`. */
export interface PayloadsAdmin {
  /** Deletes all bodies and results of a user's requests; answers how many. */
  deleteOfUser(userId: string): Promise<number>
}

/**
 * A value that is larger as JSON, in UTF-8 bytes, is stored, and messages and rows hold its key: SQS bills by 64 KiB, and the
 * RDS Data API returns no row over 64 KB.
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
 * Returns the value of a payload, wherever it is. Returns undefined when its object is gone, which is deleted after
 * `observability.retention.payloads`.
 */
export async function findPayload(payloads: Pick<Payloads, 'get'>, payload: Payload): Promise<unknown> {
  return 'inline' in payload ? payload.inline : payloads.get(payload.key)
}

/** Returns the value of a payload, wherever it is. Throws when its object is gone. */
export async function checkOut(payloads: Payloads, payload: Payload): Promise<unknown> {
  if ('inline' in payload) return payload.inline
  const value = await payloads.get(payload.key)
  if (value === undefined) throw new Error(`no payload under ${payload.key}`)
  return value
}
