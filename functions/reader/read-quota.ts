import { limitsOf } from '../core/domain/limits.ts'
import { planOf, type QuotaSettings } from '../core/domain/quota-settings.ts'
import { windowAt } from '../core/domain/window.ts'
import { type Caller, overridesOf } from '../core/platform/caller.ts'
import type { Clock } from '../core/platform/clock.ts'
import type { Quota } from '../core/stores/quota/port.ts'
import { reservedTokens } from '../core/stores/quota/verdict.ts'

/**
 * Returns how much of the current window's limits the caller has used: the body of `GET /v1/quota`. Rejects with
 * `Unavailable`.
 */
export async function readQuota(
  { quota, clock }: { readonly quota: Pick<Quota, 'read'>; readonly clock: Clock },
  settings: QuotaSettings,
  caller: Caller,
) {
  const window = windowAt(settings.window, clock())
  const { name, plan } = planOf(settings, caller.plan)
  const limits = limitsOf(plan, overridesOf(caller))
  const shards = await Promise.all(
    Array.from({ length: plan.shards }, (_, shard) => quota.read(caller.user_id, window.name, shard)),
  )
  const sum = (of: (counters: (typeof shards)[number]) => number) => shards.reduce((total, c) => total + of(c), 0)
  return {
    window: window.name,
    resets_at: new Date(window.ends_at).toISOString(),
    plan: name,
    requests: { used: sum(c => c.requests), limit: limits.requests },
    tokens: { used: sum(c => c.tokens), reserved: sum(reservedTokens), limit: limits.tokens },
    in_flight: { used: sum(c => c.open.length), limit: limits.in_flight },
  }
}
