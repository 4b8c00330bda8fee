import { iso } from '../../../functions/core/platform/clock.ts'
import { ignoreUnavailable } from '../../../functions/core/platform/unavailable.ts'
import { hashKey, keyIdOf, newKey } from '../../../functions/core/stores/access/key.ts'
import type { KeyRecord } from '../../../functions/core/stores/access/port.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'
import { existingUser, setUser } from './users.ts'

/** A new key. `key` is shown only now, because the stores have only its hash. */
export interface CreatedKey {
  readonly key: string
  readonly key_id: string
  readonly user: string
  readonly plan: string
  /** ISO 8601. Absent for a key that does not expire. */
  readonly expires_at?: string
}

/** The description of a key for operators, without the key itself or its hash. Times are ISO 8601. */
export interface KeyView {
  readonly key_id: string
  readonly user: string
  readonly created_at: string
  readonly expires_at?: string | undefined
  readonly revoked_at?: string | undefined
  readonly state: 'active' | 'expired' | 'revoked'
}

/** The lifetime of a key for which no lifetime is given, in milliseconds. */
const DEFAULT_LIFETIME_MS = 365 * 86_400_000

type KeyPorts = Pick<Admin, 'access' | 'quotas' | 'clock'>

/**
 * Creates a key for a user, and the user if there is no such user. A plan that is given becomes the plan of the user.
 * `was` is the user's previous plan, absent for a new user. `disabled` means that the key is refused until its user is enabled.
 * `expires_in` is in milliseconds, a year by default. Throws `Refusal` for a plan that does not exist, and `Unavailable` if a service can't be reached.
 */
export async function createKey(
  ports: KeyPorts,
  {
    user,
    plan,
    expires_in = DEFAULT_LIFETIME_MS,
  }: { user: string; plan?: string | undefined; expires_in?: number | 'never' | undefined },
): Promise<{ created: CreatedKey; was: string | undefined; disabled: boolean }> {
  const known = await ports.access.user(user)
  const record = known && plan === undefined ? known : (await setUser(ports, user, { plan })).user
  return {
    created: await addKey(ports, user, record.plan, expires_in === 'never' ? undefined : expires_in),
    was: known?.plan,
    disabled: record.disabled_at !== undefined,
  }
}

/** Lists all keys, or those of one user, oldest first. Rejects with `Unavailable` if the service can't be reached. */
export async function listKeys({ access, clock }: KeyPorts, user?: string): Promise<KeyView[]> {
  const now = clock()
  return (await access.keys(user)).map(record => viewOf(record, now))
}

/**
 * Revokes a key for good. A key that is revoked already stays as it is. Throws `Refusal` if there is no such key, and `Unavailable` if a
 * service can't be reached.
 */
export async function revokeKey({ access, clock }: KeyPorts, keyId: string): Promise<KeyView> {
  const now = clock()
  const record = await access.revoke(keyId, now)
  if (!record) throw noSuchKey(keyId)
  return viewOf(record, now)
}

/**
 * Replaces a key. First it creates a key for the same user. The lifetime is that of the old key, counted from now. Then it
 * revokes the old key. Throws `Refusal` for a key that does not exist or is revoked, and `Unavailable` if a service can't be reached.
 */
export async function rotateKey(ports: KeyPorts, keyId: string): Promise<CreatedKey> {
  const old = await ports.access.key(keyId)
  if (!old) throw noSuchKey(keyId)
  if (old.revoked_at !== undefined)
    throw new Refusal(`the key ${keyId} is revoked: make another with keys create --user ${old.user_id}`)
  const { plan } = await existingUser(ports.access, old.user_id)
  const lifetime = old.expires_at === undefined ? undefined : old.expires_at - old.created_at
  const created = await addKey(ports, old.user_id, plan, lifetime)
  await revokeKey(ports, keyId)
  return created
}

async function addKey(
  { access, clock }: KeyPorts,
  user: string,
  plan: string,
  lifetime: number | undefined,
): Promise<CreatedKey> {
  const now = clock()
  const key = newKey()
  const hash = hashKey(key)
  const keyId = keyIdOf(hash)
  const expiry = lifetime === undefined ? {} : { expires_at: now + lifetime }
  await access.addKey({ key_id: keyId, hash, user_id: user, created_at: now, ...expiry })
  const created = { key, key_id: keyId, user, plan }
  return expiry.expires_at === undefined ? created : { ...created, expires_at: iso(expiry.expires_at) }
}

const noSuchKey = (keyId: string) => new Refusal(`there is no key ${keyId}: keys list shows those that there are`)

function viewOf({ key_id, user_id, created_at, expires_at, revoked_at }: KeyRecord, now: number): KeyView {
  const isExpired = expires_at !== undefined && expires_at <= now
  return {
    key_id,
    user: user_id,
    created_at: iso(created_at),
    ...(expires_at !== undefined && { expires_at: iso(expires_at) }),
    ...(revoked_at !== undefined && { revoked_at: iso(revoked_at) }),
    state: revoked_at !== undefined ? 'revoked' : isExpired ? 'expired' : 'active',
  }
}

/**
 * Does a task with a new key, which is deleted afterwards. If the key can't be deleted, it expires by itself, and the
 * result of the task is returned nevertheless. `expires_in` is in milliseconds.
 */
export async function withKey<Result>(
  ports: KeyPorts,
  of: { readonly user: string; readonly expires_in: number },
  task: (key: string) => Promise<Result>,
): Promise<Result> {
  const { created } = await createKey(ports, of)
  try {
    return await task(created.key)
  } finally {
    await ports.access.deleteKey(created.key_id).catch(ignoreUnavailable)
  }
}
