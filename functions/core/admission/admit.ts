import { type RequestItem, type Reservation, reservationOf } from '../domain/item.ts'
import { type Limits, shardLimits, shardOrder } from '../domain/limits.ts'
import { STALE_RESERVATION_MS } from '../domain/timing.ts'
import { reapReservation } from '../lifecycle/reap-reservation.ts'
import type { Admission, Counters } from '../stores/quota/port.ts'
import { type ExceededLimit, exceeded } from '../stores/quota/verdict.ts'
import type { AdmissionPorts } from './ports.ts'
import type { Prepared } from './prepare.ts'

/** Shards that are tried before a request is refused: each costs a call. Of a plan with no more than these, all are. */
const SHARD_TRIES = 10

/** Stale reservations that are looked at before a request is refused: each costs a read, and a few calls to close. */
const STALE_LOOKS = 3

/** Requests and tokens. */
interface Amounts {
  readonly requests: number
  readonly tokens: number
}

export type Verdict =
  /** `left` over all shards, as the one that admitted it has it; unknown when an earlier try did. */
  | { readonly admitted: true; readonly item: RequestItem; readonly left: Amounts | undefined }
  /** `used` over all shards. */
  | { readonly admitted: false; readonly limit: ExceededLimit; readonly used: Amounts }
  /** The user has made all the posts that the rate allows now, at least in one shard: soon there is room again. */
  | { readonly admitted: false; readonly limit: 'rate' }

/**
 * Admits a request against its user's limits, or says which limit keeps it out, from the very counters that did.
 * Throws the `RequestError` of a plan that does not allow the request. Rejects with `Unavailable`, after `whenUnknown` was told of the item whose reservation may or may not have been made.
 */
export async function admit(
  ports: AdmissionPorts,
  { request, limits, shards, refusal }: Pick<Prepared, 'request' | 'limits' | 'shards' | 'refusal'>,
  whenUnknown: (item: RequestItem) => Promise<unknown>,
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
      const left = used && {
        requests: leftOf(part.requests - used.requests, shards),
        tokens: leftOf(part.tokens - used.tokens, shards),
      }
      return { admitted: true, item: { ...item, ...reservation }, left }
    }
    refusals.push({ ...admission, part })
  }
  const [first] = refusals
  if (!first) throw new Error('every plan has a shard')
  if (refusals.some(({ over_rate }) => over_rate)) return { admitted: false, limit: 'rate' }
  const limit = exceeded(first.counters, first.part, request) ?? 'in_flight'
  const used = shards === 1 ? first.counters : await usedOverShards(ports, request, shards)
  return { admitted: false, limit, used: { requests: used.requests, tokens: used.tokens } }
}

/**
 * What is left of a limit, told from one shard: requests spread evenly, so the others have about as much. A full one does
 * not say that all are, and a client must not stop early for it; asking them would cost as many reads as there are.
 */
const leftOf = (inShard: number, shards: number): number => (shards === 1 ? inShard : Math.max(1, inShard * shards))

/** Before a request is refused, reservations that a crash has left open are closed: they may be all that is in its way. */
async function reserveOrHeal(ports: AdmissionPorts, reservation: Reservation, limits: Limits): Promise<Admission> {
  const now = ports.clock()
  const admission = await ports.quota.reserve(reservation, limits, now)
  if (admission.admitted || admission.over_rate) return admission
  const stale = admission.counters.open
    .filter(open => now - open.at >= STALE_RESERVATION_MS)
    .sort((a, b) => a.at - b.at)
    .slice(0, STALE_LOOKS)
  const closed = await Promise.all(stale.map(open => reapReservation(ports, open, now)))
  // Under another nonce: of the first one, a try may have been made whose answer was lost (docs/adr/0012).
  const anew = { ...reservation, nonce: ports.ids.nonce() }
  return closed.includes(true) ? ports.quota.reserve(anew, limits, now) : admission
}

async function usedOverShards({ quota }: AdmissionPorts, of: RequestItem, shards: number): Promise<Amounts> {
  const all = await Promise.all(Array.from({ length: shards }, (_, shard) => quota.read(of.user_id, of.window, shard)))
  return {
    requests: all.reduce((sum, counters) => sum + counters.requests, 0),
    tokens: all.reduce((sum, counters) => sum + counters.tokens, 0),
  }
}
