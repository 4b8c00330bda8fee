import type { ExceededQuota } from '../domain/errors.ts'
import { type RequestItem, type Reservation, reservationOf } from '../domain/item.ts'
import { type Limits, shardLimits, shardOrder } from '../domain/limits.ts'
import { STALE_RESERVATION_MS } from '../domain/timing.ts'
import { countOpen } from '../lifecycle/count-open.ts'
import { reapReservation } from '../lifecycle/reap-reservation.ts'
import { REFUSED_BY } from '../platform/tracing/attributes.ts'
import { inSpan } from '../platform/tracing/in-span.ts'
import type { Admission, Counters } from '../stores/quota/port.ts'
import { type ExceededLimit, exceeded } from '../stores/quota/verdict.ts'
import type { AdmissionPorts } from './ports.ts'
import type { Prepared } from './prepare.ts'

/** The most shards that are tried before a request is refused. Each try is one call of DynamoDB. */
const SHARD_TRIES = 10

/**
 * The most stale reservations that are checked before a request is refused. Each check is a read, and a few more calls
 * to close the reservation.
 */
const STALE_LOOKS = 3

interface Amounts {
  readonly requests: number
  readonly tokens: number
}

type Used = ExceededQuota['used']

export type Verdict =
  /**
   * `left` has the remaining amounts. It is undefined if an earlier try was admitted, and for a plan with shards, where
   * it would be a guess. `open` is the approximate number of the user's open requests, including this one. It is
   * undefined if open requests are not counted.
   */
  | {
      readonly admitted: true
      readonly item: RequestItem
      readonly left: Amounts | undefined
      readonly open?: number | undefined
    }
  /** `used` is the sum over all shards. */
  | { readonly admitted: false; readonly limit: ExceededLimit; readonly used: Used }
  /**
   * The user has made all the posts that the rate allows in this interval, at least in one shard. The next interval
   * allows more posts.
   */
  | { readonly admitted: false; readonly limit: 'rate' }

type Admissible = Pick<Prepared, 'request' | 'limits' | 'shards' | 'refusal'>

type WhenUnknown = (item: RequestItem) => Promise<unknown>

/**
 * Admits a request against its user's limits, or says which limit refuses it. The counters in a refusal are those that
 * the refusing write saw. If the plan does not allow the request, it throws the `RequestError` of the plan. If nobody
 * knows whether the reservation was made, it calls `whenUnknown` with the item of that reservation, and then rejects
 * with `Unavailable`.
 */
export function admit(ports: AdmissionPorts, admissible: Admissible, whenUnknown: WhenUnknown): Promise<Verdict> {
  return inSpan(ports.tracing, 'admission', {}, async span => {
    const verdict = await tryShards(ports, admissible, whenUnknown)
    if (!verdict.admitted) span.set({ [REFUSED_BY]: verdict.limit })
    return verdict
  })
}

async function tryShards(
  ports: AdmissionPorts,
  { request, limits, shards, refusal }: Admissible,
  whenUnknown: WhenUnknown,
): Promise<Verdict> {
  if (refusal) throw refusal
  const refusals: { counters: Counters; part: Limits; over_rate?: boolean | undefined }[] = []
  for (const shard of shardOrder(request.request_id, shards, SHARD_TRIES)) {
    const item: RequestItem = { ...request, shard }
    const part = shardLimits(limits, shard, shards)
    const admission = await reserveOrHeal(ports, reservationOf(item), part).catch(async error => {
      await whenUnknown(item)
      throw error
    })
    if (admission.admitted) {
      const { reservation, used } = admission
      const left =
        used && shards === 1
          ? { requests: part.requests - used.requests, tokens: part.tokens - used.tokens }
          : undefined
      const open = await countOpen(ports, reservation, used, shards, ports.settings.gives_way_above)
      return { admitted: true, item: { ...item, ...reservation }, left, open }
    }
    refusals.push({ ...admission, part })
  }
  const [first] = refusals
  if (!first) throw new Error('every plan has a shard')
  if (refusals.some(({ over_rate }) => over_rate)) return { admitted: false, limit: 'rate' }
  const limit = exceeded(first.counters, first.part, request) ?? 'in_flight'
  return {
    admitted: false,
    limit,
    used: usedOf(shards === 1 ? [first.counters] : await readShards(ports, request, shards)),
  }
}

/**
 * Reserves. If the quota refuses, it closes old reservations that a crash has left open, and tries once more, because
 * these reservations may be the only reason for the refusal.
 */
async function reserveOrHeal(ports: AdmissionPorts, reservation: Reservation, limits: Limits): Promise<Admission> {
  const now = ports.clock()
  const admission = await ports.quota.reserve(reservation, limits, now)
  if (admission.admitted || admission.over_rate) return admission
  const stale = admission.counters.open
    .filter(open => now - open.at >= STALE_RESERVATION_MS)
    .sort((a, b) => a.at - b.at)
    .slice(0, STALE_LOOKS)
  const closed = await Promise.all(stale.map(open => reapReservation(ports, open, now)))
  // The second try has another nonce, because a try with the first nonce may have succeeded although its answer was
  // lost (docs/adr/0012).
  const anew = { ...reservation, nonce: ports.ids.nonce() }
  return closed.includes(true) ? ports.quota.reserve(anew, limits, now) : admission
}

const readShards = ({ quota }: AdmissionPorts, of: RequestItem, shards: number): Promise<Counters[]> =>
  Promise.all(Array.from({ length: shards }, (_, shard) => quota.read(of.user_id, of.window, shard)))

const usedOf = (shards: readonly Counters[]): Used => ({
  requests: shards.reduce((sum, { requests }) => sum + requests, 0),
  tokens: shards.reduce((sum, { tokens }) => sum + tokens, 0),
  in_flight: shards.reduce((sum, { open }) => sum + open.length, 0),
})
