import * as z from 'zod'
import { UserId } from '../../domain/ids.ts'
import { Overrides } from '../../domain/limits.ts'
import { reading } from '../../domain/reading.ts'

/** An API key as it is stored. Times are epoch milliseconds. */
export const KeyRecord = z.strictObject({
  key_id: z.string(),
  /** SHA-256, hex. */
  hash: z.string(),
  user_id: UserId,
  created_at: z.int(),
  expires_at: z.int().optional(),
  revoked_at: z.int().optional(),
})
export type KeyRecord = z.infer<typeof KeyRecord>
export const StoredKey = reading(KeyRecord)

export const UserRecord = z.strictObject({
  user_id: UserId,
  plan: z.string(),
  overrides: Overrides,
  /** An operator lets the user in no more since then. */
  disabled_at: z.int().optional(),
})
export type UserRecord = z.infer<typeof UserRecord>
export const StoredUser = reading(UserRecord)

/** Who may call, and on which plan. All methods reject with `Unavailable`. */
export interface Access {
  key(keyId: string): Promise<KeyRecord | undefined>
  user(userId: string): Promise<UserRecord | undefined>
}

/** What an operator changes. All methods reject with `Unavailable`. */
export interface AccessAdmin extends Access {
  addKey(record: KeyRecord): Promise<void>
  /** All keys, or a user's; oldest first. */
  keys(userId?: string): Promise<KeyRecord[]>
  /** Answers with the record as revoked, now or before; undefined when there is no such key. */
  revoke(keyId: string, now: number): Promise<KeyRecord | undefined>
  /** Writes a user's record in the place of `was`; false, and nothing is written, if it is another by now. */
  replaceUser(was: UserRecord | undefined, user: UserRecord): Promise<boolean>
  /** There may be no such key. */
  deleteKey(keyId: string): Promise<void>
  /** Deletes the record of a disabled user; false, and nothing is deleted, if the user is let in. There may be no such user. */
  deleteUser(userId: string): Promise<boolean>
}
