import { timingSafeEqual } from 'node:crypto'
import { hashKey, isWellFormedKey, keyIdOf } from '../core/stores/access/key.ts'
import type { Access, UserRecord } from '../core/stores/access/port.ts'

/**
 * Returns the user of a key. Returns undefined if the key is malformed, unknown, expired or revoked, or if its user is
 * disabled or has no record. If it rejects with `Unavailable`, the call must not be allowed, because it is not known
 * whether the key is valid.
 */
export async function authorize(access: Access, key: string, now: number): Promise<UserRecord | undefined> {
  if (!isWellFormedKey(key)) return undefined
  const hash = hashKey(key)
  const record = await access.key(keyIdOf(hash))
  if (!record || !timingSafeEqual(Buffer.from(record.hash), Buffer.from(hash))) return undefined
  if (record.revoked_at !== undefined) return undefined
  if (record.expires_at !== undefined && record.expires_at <= now) return undefined
  const user = await access.user(record.user_id)
  return user?.disabled_at === undefined ? user : undefined
}
