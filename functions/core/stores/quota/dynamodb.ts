import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Reservation } from '../../domain/item.ts'
import type { Limits } from '../../domain/limits.ts'
import { get, put, update } from '../../platform/dynamodb.ts'
import { isTransient, reaching, reachingEach, Unavailable } from '../../platform/unavailable.ts'
import { type CallCount, callCount, countCall, expectedCount, firstCall } from './call-rate.ts'
import { entryName, NONCE_INDEX, openIn, pkOf, toCounters, toEntry, usedOf } from './item.ts'
import { openBefore } from './open-before.ts'
import type { Admission, Closing, Quota } from './port.ts'
import { exceeded } from './verdict.ts'

/**
 * Makes the store of counters in DynamoDB: one item per user, window and shard. The item also has its open
 * reservations, so that an admission is one conditional UpdateItem. So parallel admissions can't exceed a limit
 * together (I1), and no request is charged twice (I3).
 *
 * Reservations use the client `once`, which repeats no call by itself, and each try has its own nonce. The reason: if
 * the answer of a reservation was lost, another call with the same idempotency key may find the reservation. The
 * request may then run and be settled before the repetition of the write arrives. A repetition with the same nonce
 * would open the reservation again, as if it had never been settled, and the request could be charged twice.
 *
 * With `countsOpen`, `reserve` returns how many reservations are open. DynamoDB then returns the whole item, which
 * costs nothing more.
 */
export function dynamoQuota(client: DynamoDBClient, table: string, once = client, countsOpen = false): Quota {
  return {
    reserve: (reservation, limits, now) =>
      reaching('the quota table', () => reserve({ client: once, table, countsOpen }, reservation, limits, now)),
    close: closings => reaching('the quota table', () => closeAll(client, table, closings)),
    openBefore: time => reachingEach('the quota table', openBefore(client, table, time)),
    read: (userId, window, shard) =>
      reaching('the quota table', async () =>
        toCounters(await get(client, table, { pk: pkOf({ user_id: userId, window, shard }) }), {
          user_id: userId,
          window,
          shard,
        }),
      ),
  }
}

/**
 * The time after which DynamoDB deletes an item, in milliseconds. All requests of the item have been settled long
 * before, because requests expire within two weeks after their window.
 */
const ITEM_TTL_MS = 90 * 86_400_000

/**
 * The most tries of a reservation. It is tried again if the answer of its write was lost, or if the counters of a
 * refusal show that the reservation would fit, because another reservation was closed in between.
 */
const MAX_TRIES = 5

/** The most reservations that one update closes, because DynamoDB takes expressions of at most 4 KB. */
const MAX_CLOSINGS_PER_UPDATE = 20

interface Reserving {
  readonly client: DynamoDBClient
  readonly table: string
  readonly countsOpen: boolean
}

async function reserve(by: Reserving, reservation: Reservation, limits: Limits, now: number): Promise<Admission> {
  let failure: unknown
  let calls = limits.rate && expectedCount(limits.rate, now)
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const nonce = attempt === 0 ? reservation.nonce : `${reservation.nonce}${attempt}`
    try {
      const tried = await tryToReserve(by, { ...reservation, nonce }, limits, now, calls)
      if ('admitted' in tried) return tried
      calls = tried.calls
    } catch (error) {
      // A call that failed because of a defect had no effect, and would fail again. So it is not repeated.
      if (!isTransient(error)) throw error
      failure = error
    }
  }
  throw failure ?? new Unavailable('the quota table', new Error(`gave up after ${MAX_TRIES} races for one item`))
}

/**
 * Tries once. If the write is refused only because another write changed the item first, it returns the current count
 * of the user's POSTs, which the next try then expects.
 */
async function tryToReserve(
  { client, table, countsOpen }: Reserving,
  reservation: Reservation,
  limits: Limits,
  now: number,
  expected: CallCount | undefined,
): Promise<Admission | { readonly calls: CallCount | undefined }> {
  const asked = reserveUpdate(table, reservation, limits, now, expected)
  const written = await update(client, countsOpen ? { ...asked, returns: 'ALL_NEW' } : asked)
  if (written.written) {
    const { attributes } = written
    const used = { ...usedOf(attributes), ...(countsOpen && { in_flight: openIn(attributes) }) }
    return { admitted: true, reservation, used }
  }

  const counters = toCounters(written.existing, reservation)
  const own = counters.open.find(o => entryName(o.reservation) === entryName(reservation))
  if (own) return { admitted: true, reservation: own.reservation }
  const { rate } = limits
  const calls = rate && callCount(written.existing ?? {}, rate, now)
  if (rate && calls && calls.count >= rate.count) return { admitted: false, counters, over_rate: true }
  if (exceeded(counters, limits, reservation)) return { admitted: false, counters }
  if (written.existing || !(await create(client, table, reservation, now, calls))) return { calls }
  const used = { requests: reservation.holds_request ? 1 : 0, tokens: reservation.estimate }
  return { admitted: true, reservation, used: { ...used, ...(countsOpen && { in_flight: 1 }) } }
}

function reserveUpdate(
  table: string,
  reservation: Reservation,
  limits: Limits,
  now: number,
  expected: CallCount | undefined,
) {
  const calls = limits.rate && expected && countCall(expected, limits.rate)
  const isNew = 'attribute_not_exists(#open.#entry)'
  const fitsRequests = 'requests < :requestsLimit'
  const fitsTokens = 'tokens <= :tokensLeft'
  const fitsInFlight = 'size(#open) < :inFlightLimit'
  return {
    table,
    key: { pk: pkOf(reservation) },
    update: [
      'SET #open.#entry = :entry, tokens = tokens + :estimate, requests = requests + :request, watched = :watched',
      ...(calls ? [`, ${calls.set.join(', ')} REMOVE ${calls.remove.join(', ')}`] : []),
    ].join(''),
    condition: [
      isNew,
      ...(reservation.holds_request ? [fitsRequests] : []),
      fitsTokens,
      fitsInFlight,
      ...(calls?.condition ?? []),
    ],
    names: { '#open': 'open', '#entry': entryName(reservation) },
    values: {
      ':entry': toEntry(reservation, now),
      ':estimate': reservation.estimate,
      ':request': reservation.holds_request ? 1 : 0,
      ':watched': reservation.user_id,
      ...(reservation.holds_request ? { ':requestsLimit': limits.requests } : {}),
      ':tokensLeft': limits.tokens - reservation.estimate,
      ':inFlightLimit': limits.in_flight,
      ...calls?.values,
    },
    returns: 'UPDATED_NEW' as const,
  }
}

/**
 * Creates the item with the first reservation of a window. This needs a write of its own, because no expression of
 * DynamoDB can set a map and one of its entries at the same time.
 */
async function create(
  client: DynamoDBClient,
  table: string,
  reservation: Reservation,
  now: number,
  calls: CallCount | undefined,
): Promise<boolean> {
  const { written } = await put(client, {
    table,
    key: { pk: pkOf(reservation) },
    item: {
      requests: reservation.holds_request ? 1 : 0,
      tokens: reservation.estimate,
      open: { [entryName(reservation)]: toEntry(reservation, now) },
      watched: reservation.user_id,
      ...(calls && firstCall(calls)),
      ttl: Math.floor((now + ITEM_TTL_MS) / 1000),
    },
    condition: 'attribute_not_exists(pk)',
  })
  return written
}

/**
 * Closes the reservations of each item in one update. If one of them is already closed, DynamoDB refuses this update,
 * so each reservation is closed with its own update.
 */
async function closeAll(client: DynamoDBClient, table: string, closings: readonly Closing[]): Promise<void> {
  const distinct = [
    ...new Map(
      closings.map(c => [`${pkOf(c.reservation)} ${entryName(c.reservation)} ${c.reservation.nonce}`, c]),
    ).values(),
  ]
  const groups = Object.values(Object.groupBy(distinct, c => pkOf(c.reservation)))
  const chunks = groups.flatMap(group => chunked(group ?? [], MAX_CLOSINGS_PER_UPDATE))
  await Promise.all(
    chunks.map(async chunk => {
      const { written } = await close(client, table, chunk)
      if (!written && chunk.length > 1) for (const one of chunk) await close(client, table, [one])
    }),
  )
}

function close(client: DynamoDBClient, table: string, closings: readonly Closing[]) {
  const [first] = closings
  if (!first) throw new Error('nothing to close')
  const requests = closings.reduce(
    (sum, c) => sum + (c.charge === undefined && c.reservation.holds_request ? -1 : 0),
    0,
  )
  const tokens = closings.reduce((sum, c) => sum + (c.charge ?? 0) - c.reservation.estimate, 0)
  const isOpenAsNamed = closings.map((_, i) => `#open.#e${i}[${NONCE_INDEX}] = :n${i}`)
  return update(client, {
    table,
    key: { pk: pkOf(first.reservation) },
    update: `SET tokens = tokens + :tokens, requests = requests + :requests REMOVE ${closings.map((_, i) => `#open.#e${i}`).join(', ')}`,
    condition: isOpenAsNamed,
    names: {
      '#open': 'open',
      ...Object.fromEntries(closings.map((c, i) => [`#e${i}`, entryName(c.reservation)])),
    },
    values: {
      ':tokens': tokens,
      ':requests': requests,
      ...Object.fromEntries(closings.map((c, i) => [`:n${i}`, c.reservation.nonce])),
    },
  })
}

const chunked = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
