import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'
import { type QuotaView, showQuota } from './quota.ts'
import { showUser, type UserView } from './users.ts'

/** A user with the usage of the current window. */
export interface UserUsage extends UserView {
  readonly window: string
  /** ISO 8601. */
  readonly resets_at: string
  readonly used: Pick<QuotaView, 'requests' | 'tokens' | 'in_flight'>
}

type Ports = Pick<Admin, 'access' | 'quota' | 'quotas' | 'clock'>

/** The number of users that are read at the same time. */
const AT_ONCE = 20

/**
 * Lists users with their limits and usage, in the order of their ids, beginning after the user `after`. Rejects with `Unavailable` if the
 * service can't be reached.
 */
export async function listUsage(
  ports: Ports,
  { after = '', limit }: { after?: string | undefined; limit: number },
): Promise<{ users: UserUsage[]; total: number; next?: string }> {
  const ids = (await ports.access.users()).map(({ user_id }) => user_id)
  const asked = ids.filter(id => id > after)
  const users: UserUsage[] = []
  for (let at = 0; at < Math.min(asked.length, limit); at += AT_ONCE) {
    const some = asked.slice(at, Math.min(at + AT_ONCE, limit))
    users.push(...(await Promise.all(some.map(id => usageUnlessGone(ports, id)))).filter(user => user !== undefined))
  }
  const last = asked.slice(0, limit).at(-1)
  return { users, total: ids.length, ...(asked.length > limit && last !== undefined && { next: last }) }
}

/** Reads a user's usage. Returns undefined if the user was deleted meanwhile. */
const usageUnlessGone = (ports: Ports, id: string): Promise<UserUsage | undefined> =>
  usageOf(ports, id).catch((error: unknown) => {
    if (error instanceof Refusal) return undefined
    throw error
  })

async function usageOf(ports: Ports, id: string): Promise<UserUsage> {
  const [user, { window, resets_at, requests, tokens, in_flight }] = await Promise.all([
    showUser(ports, id),
    // The list shows no costs, because this would need one statement of the ledger per user.
    showQuota({ ...ports, ledger: undefined }, id),
  ])
  return { ...user, window, resets_at, used: { requests, tokens, in_flight } }
}
