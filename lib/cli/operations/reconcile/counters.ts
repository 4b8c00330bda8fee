import { type EarlierCharge, isTerminal, type RequestItem } from '../../../../functions/core/domain/item.ts'
import { ITEM_RETENTION_MS } from '../../../../functions/core/domain/timing.ts'
import type { QuotaItem } from '../../../../functions/core/stores/quota/admin.ts'
import { parseWindow } from '../../window-name.ts'
import { type Books, type QuotaOf, quotaKey, quotaText, reservationKey, type Suspect } from './books.ts'

/**
 * Compares the counters of each quota item with the charges of the requests that it admitted plus its open reservations. A
 * window that began before the oldest request item can't be compared. `forgotten` counts the quota items of such windows.
 */
export function counterDifferences(books: Books, now: number): { suspects: Suspect[]; forgotten: number } {
  const expected = expectedOf(books)
  const quotas = new Map(books.quotas.map(quota => [quotaKey(quota), quota]))
  for (const [key, { of }] of expected) if (!quotas.has(key)) quotas.set(key, { ...of, ...NOTHING })

  const isForgotten = forgottenBy(books, now)
  const suspects = [...quotas].flatMap(([key, quota]) => [
    ...negative(quota),
    ...(isForgotten(quota) ? [] : unequal(quota, expected.get(key) ?? NOTHING)),
  ])
  return { suspects, forgotten: books.quotas.filter(isForgotten).length }
}

const NOTHING = { requests: 0, tokens: 0, open: [] }

interface Expected {
  readonly of: QuotaOf
  requests: number
  tokens: number
}

function expectedOf({ quotas, items }: Books): Map<string, Expected> {
  const sums = new Map<string, Expected>()
  const add = ({ user_id, window, shard }: QuotaOf, tokens: number, isRequest: boolean): void => {
    const of = { user_id, window, shard }
    const sum = sums.get(quotaKey(of)) ?? { of, requests: 0, tokens: 0 }
    sum.tokens += tokens
    sum.requests += isRequest ? 1 : 0
    sums.set(quotaKey(of), sum)
  }
  const open = new Set<string>()
  for (const { reservation } of quotas.flatMap(quota => quota.open)) {
    open.add(reservationKey(reservation))
    add(reservation, reservation.estimate, reservation.holds_request)
  }
  for (const item of items)
    for (const charge of chargesOf(item, open))
      add({ user_id: item.user_id, window: charge.window, shard: charge.shard }, charge.tokens, charge.request)
  return sums
}

/** Returns the charges of all runs. If a run's reservation is still open, the reservation counts instead. */
function chargesOf(item: RequestItem, open: ReadonlySet<string>): EarlierCharge[] {
  const { window, shard, charge, holds_request, earlier = [] } = item
  if (charge === undefined || !isTerminal(item.status) || open.has(reservationKey(item))) return earlier
  return [...earlier, { window, shard, tokens: charge, request: holds_request }]
}

/**
 * Returns whether request items of a window no longer exist: the window is too old, or an old request ran again in it
 * shortly before its item was deleted.
 */
function forgottenBy({ items, rows }: Books, now: number): (quota: QuotaOf) => boolean {
  const horizon = now - ITEM_RETENTION_MS
  const known = new Set(items.map(({ request_id }) => request_id))
  const gone = rows.filter(row => row.created_at <= horizon && !known.has(row.request_id))
  const windows = new Set(gone.map(row => `${row.user_id} ${row.quota_window}`))
  return ({ user_id, window }) => {
    const start = parseWindow(window)?.start ?? 0
    return start <= horizon || windows.has(`${user_id} ${window}`)
  }
}

const COUNTERS = ['requests', 'tokens'] as const

const unequal = (quota: QuotaItem, expected: Pick<Expected, 'requests' | 'tokens'>): Suspect[] =>
  COUNTERS.filter(counter => quota[counter] !== expected[counter]).map(counter => ({
    difference: { kind: counter, where: quotaText(quota), expected: expected[counter], found: quota[counter] },
    user_id: quota.user_id,
    quota,
  }))

const negative = (quota: QuotaItem): Suspect[] =>
  COUNTERS.filter(counter => quota[counter] < 0).map(counter => ({
    difference: {
      kind: 'negative',
      where: `${counter} in ${quotaText(quota)}`,
      expected: 'at least 0',
      found: quota[counter],
    },
    user_id: quota.user_id,
    quota,
  }))
