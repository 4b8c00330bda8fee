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

/**
 * The most shards that are tried before a request is refused. There is a limit because each try is one call of
 * DynamoDB, and the client waits for all of them. A shard is a quota item with a part of the user's limits.
 */
const SHARD_TRIES = 10

/**
 * Before a request is refused, at most this number of old reservations is checked. There is a limit because the client
 * waits for the checks. Each check is a read, and a few more calls to close the reservation.
 */
const STALE_LOOKS = 3

interface Amounts {
  readonly requests: number
  readonly tokens: number
}

type Used = ExceededQuota['used']

export type Verdict =
  /**
   * `left` has the remaining amounts. `left` is undefined if an earlier try was admitted. It is also undefined for a
   * plan with several shards, because the counters of one shard do not show the rest of the other shards. `open` is the
   * approximate number of the user's open requests, including this one. If there are more than `gives_way_above`, this
   * request waits behind other users' requests. `open` is undefined if open requests are not counted.
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
   * The user has made all the posts that the rate allows in this interval, at least in one shard. The user may post
   * again in the next interval.
   */
  | { readonly admitted: false; readonly limit: 'rate' }

type Admissible = Pick<Prepared, 'request' | 'limits' | 'shards' | 'refusal'>

type WhenUnknown = (item: RequestItem) => Promise<unknown>

/**
 * Admits a request against its user's limits, or says which limit refuses it. The counters in a refusal are those that
 * the refused write saw. For a plan with several shards, the counters of all shards are read after the refusal. If the
 * plan does not allow the request, `admit` throws the `RequestError` of the plan. If DynamoDB can't be reached or its
 * answer is lost, the reservation may have been made. Then `admit` calls `whenUnknown` with the item of that
 * reservation, so that the caller can release the reservation. After that, `admit` rejects with `Unavailable` if the service can't be reached.
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
 * Makes the reservation. If the quota refuses it, this function closes old reservations that a crash has left open.
 * They may be the only reason for the refusal, so it then tries once more.
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
  // The second try has a new nonce. A write with the first nonce may have succeeded although its answer was lost, and
  // must not be confused with the second try. Otherwise one reservation could be settled twice, and the user charged
  // twice (docs/adr/0012).
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
