import { planOf } from '../../../functions/core/domain/quota-settings.ts'
import { windowAt } from '../../../functions/core/domain/window.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import { ignoreUnavailable } from '../../../functions/core/platform/unavailable.ts'
import type { Counters } from '../../../functions/core/stores/quota/port.ts'
import { readQuota } from '../../../functions/reader/read-quota.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'
import type { NamedWindow } from '../window-name.ts'
import { existingUser } from './users.ts'

/** The usage of a user in a window, as in `GET /v1/quota`, and each open reservation, oldest first. */
export type QuotaView = { readonly user: string } & Awaited<ReturnType<typeof readQuota>> & {
    /** The cost of the window's requests in USD. Absent if none of their models has a price. */
    readonly cost?: number | undefined
    readonly open: readonly {
      readonly request_id: string
      readonly run: number
      readonly tokens: number
      /** ISO 8601. */
      readonly reserved_at: string
      readonly age_seconds: number
    }[]
  }

/**
 * Shows the current window, or the named one. Throws `Refusal` if there is no such user or window, and `Unavailable` if a service can't be reached.
 */
export async function showQuota(
  {
    access,
    quota,
    quotas,
    ledger,
    clock,
  }: Pick<Admin, 'access' | 'quota' | 'quotas' | 'clock'> & {
    readonly ledger: Pick<Admin['ledger'], 'cost'> | undefined
  },
  user: string,
  named?: NamedWindow,
): Promise<QuotaView> {
  if (named && named.length !== quotas.window)
    throw new Refusal(
      `quotas count by the ${quotas.window} here: name a window such as ${windowAt(quotas.window, named.start).name}`,
    )
  const { plan, overrides } = await existingUser(access, user)
  const now = clock()
  const at = named?.start ?? now
  const window = windowAt(quotas.window, at).name
  const { shards } = planOf(quotas, plan).plan
  const counters = await Promise.all(Array.from({ length: shards }, (_, shard) => quota.read(user, window, shard)))
  // The counters are read only once, so that the sums match the reservations in the answer.
  const asRead = { read: async (_user: string, _window: string, shard: number) => counters[shard] ?? NOTHING }
  const usage = await readQuota({ quota: asRead, clock: () => at }, quotas, { user_id: user, plan, ...overrides })
  // The counters are shown also if the ledger can't be reached.
  const cost = (await ledger?.cost(user, window).catch(ignoreUnavailable)) ?? undefined
  return { user, ...usage, ...(cost !== undefined && { cost }), open: openOf(counters, now) }
}

const NOTHING: Counters = { requests: 0, tokens: 0, open: [] }

const openOf = (counters: readonly Counters[], now: number): QuotaView['open'] =>
  counters
    .flatMap(({ open }) => open)
    .toSorted((a, b) => a.at - b.at)
    .map(({ reservation, at }) => ({
      request_id: reservation.request_id,
      run: reservation.run,
      tokens: reservation.estimate,
      reserved_at: iso(at),
      age_seconds: Math.floor((now - at) / 1000),
    }))
