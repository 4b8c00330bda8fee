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
  /** The time at which an operator disabled the user. Absent for a user who may call. */
  disabled_at: z.int().optional(),
})
export type UserRecord = z.infer<typeof UserRecord>
export const StoredUser = reading(UserRecord)

/** Reads the keys and the users. All methods reject with `Unavailable`. */
export interface Access {
  key(keyId: string): Promise<KeyRecord | undefined>
  user(userId: string): Promise<UserRecord | undefined>
}

/** Changes the keys and the users. All methods reject with `Unavailable`. */
export interface AccessAdmin extends Access {
  addKey(record: KeyRecord): Promise<void>
  /** Returns all keys, or those of one user, oldest first. */
  keys(userId?: string): Promise<KeyRecord[]>
  /**
   * Revokes a key. A key that is already revoked keeps its first time of revocation. Returns the key's record, or
   * undefined if there is no such key.
   */
  revoke(keyId: string, now: number): Promise<KeyRecord | undefined>
  /** Returns all users, sorted by their ids. */
  users(): Promise<UserRecord[]>
  /**
   * Replaces a user's record. Returns false, and writes nothing, if the stored record is no longer `was`. An undefined
   * `was` means that there must be no record yet.
   */
  replaceUser(was: UserRecord | undefined, user: UserRecord): Promise<boolean>
  /** Deletes a key. A key that does not exist is ignored. */
  deleteKey(keyId: string): Promise<void>
  /**
   * Deletes the record of a disabled user. Returns false, and deletes nothing, if the user is enabled. A user that does
   * not exist is ignored.
   */
  deleteUser(userId: string): Promise<boolean>
}
