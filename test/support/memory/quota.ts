import type { Reservation } from '../../../functions/core/domain/item.ts'
import { intervalAt } from '../../../functions/core/domain/rate.ts'
import type { Closing, Counters, OpenReservation, Quota } from '../../../functions/core/stores/quota/port.ts'
import { exceeded } from '../../../functions/core/stores/quota/verdict.ts'

type ItemOf = Pick<Reservation, 'user_id' | 'window' | 'shard'>
interface QuotaItem {
  requests: number
  tokens: number
  readonly open: Map<string, OpenReservation>
  /** The number of POSTs in the latest interval of the rate. */
  calls: { readonly interval: number; readonly count: number }
}

const keyOf = ({ user_id, window, shard }: ItemOf) => `${user_id} ${window} ${shard}`
const entryOf = ({ request_id, run }: Reservation) => `${request_id}:${run}`
const toCounters = ({ requests, tokens, open }: QuotaItem): Counters => ({ requests, tokens, open: [...open.values()] })

/** Keeps quotas in memory. It passes the same contract as the store in DynamoDB. With `countsOpen`, as for RabbitMQ, `reserve` counts open reservations. */
export function memoryQuota(countsOpen = false): Quota {
  const items = new Map<string, QuotaItem>()
  const itemOf = (of: ItemOf): QuotaItem => {
    const item = items.get(keyOf(of)) ?? { requests: 0, tokens: 0, open: new Map(), calls: { interval: 0, count: 0 } }
    items.set(keyOf(of), item)
    return item
  }
  const close = ({ reservation, charge }: Closing): void => {
    const item = itemOf(reservation)
    if (item.open.get(entryOf(reservation))?.reservation.nonce !== reservation.nonce) return
    item.open.delete(entryOf(reservation))
    item.tokens += (charge ?? 0) - reservation.estimate
    if (charge === undefined && reservation.holds_request) item.requests -= 1
  }
  return {
    reserve: async (reservation, limits, now) => {
      const item = itemOf(reservation)
      const own = item.open.get(entryOf(reservation))
      if (own) return { admitted: true, reservation: own.reservation }
      const counters = toCounters(item)
      const { rate } = limits
      const interval = rate && Math.max(intervalAt(rate, now), item.calls.interval)
      const calls = interval === item.calls.interval ? item.calls.count : 0
      if (rate && calls >= rate.count) return { admitted: false, counters, over_rate: true }
      if (exceeded(counters, limits, reservation)) return { admitted: false, counters }
      if (interval !== undefined) item.calls = { interval, count: calls + 1 }
      item.open.set(entryOf(reservation), { reservation, at: now })
      item.tokens += reservation.estimate
      if (reservation.holds_request) item.requests += 1
      const used = { requests: item.requests, tokens: item.tokens }
      return { admitted: true, reservation, used: { ...used, ...(countsOpen && { in_flight: item.open.size }) } }
    },
    close: async closings => closings.forEach(close),
    openBefore: async function* (time) {
      yield [...items.values()].flatMap(({ open }) => [...open.values()]).filter(({ at }) => at <= time)
    },
    read: async (userId, window, shard) => toCounters(itemOf({ user_id: userId, window, shard })),
  }
}
