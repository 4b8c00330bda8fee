import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Reservation } from '../../domain/item.ts'
import type { Limits } from '../../domain/limits.ts'
import { get, put, update } from '../../platform/dynamodb.ts'
import { reaching, reachingEach } from '../../platform/unavailable.ts'
import { type CallCount, callCount, countCall, expectedCount, firstCall } from './call-rate.ts'
import { entryKey, key, NONCE, toCounters, toEntry, usedOf } from './item.ts'
import { openBefore } from './open-before.ts'
import type { Admission, Closing, Quota } from './port.ts'
import { exceeded } from './verdict.ts'

/**
 * Counters in DynamoDB: one item a user, window and shard, with its open reservations in it, so that admission is one
 * conditional UpdateItem (keeps I1, I3).
 *
 * `once` is what reserves: a client that repeats no call by itself. A reservation whose answer was lost may have been found by
 * a twin with the same key, and its request run and settled, before the repetition arrives: in the same words it would open
 * the reservation again, as if it had never been settled. So each try has a nonce of its own.
 */
export function dynamoQuota(client: DynamoDBClient, table: string, once = client): Quota {
  return {
    reserve: (reservation, limits, now) =>
      reaching('the quota table', () => reserve(once, table, reservation, limits, now)),
    close: closings => reaching('the quota table', () => closeAll(client, table, closings)),
    openBefore: time => reachingEach('the quota table', openBefore(client, table, time)),
    read: (userId, window, shard) =>
      reaching('the quota table', async () =>
        toCounters(await get(client, table, { pk: key({ user_id: userId, window, shard }) }), {
          user_id: userId,
          window,
          shard,
        }),
      ),
  }
}

/** Clean-up only, far past any settle: requests expire within two weeks of their window. */
const ITEM_TTL_MS = 90 * 86_400_000

/**
 * A write whose answer was lost is tried again; so is one that found no room where a look at the counters then shows some,
 * since somebody left in between. But not for ever.
 */
const TRIES = 5

/** Keeps the update and its condition below DynamoDB's 4 KB of expression. */
const CLOSINGS_AN_UPDATE = 20

async function reserve(
  client: DynamoDBClient,
  table: string,
  reservation: Reservation,
  limits: Limits,
  now: number,
): Promise<Admission> {
  let failure: unknown = new Error(`gave up after ${TRIES} races for one item`)
  let calls = limits.rate && expectedCount(limits.rate, now)
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const nonce = attempt === 0 ? reservation.nonce : `${reservation.nonce}${attempt}`
    try {
      const tried = await tryToReserve(client, table, { ...reservation, nonce }, limits, now, calls)
      if ('admitted' in tried) return tried
      calls = tried.calls
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

/** When somebody was quicker, the counters have to be looked at anew: then it answers with the calls as they are. */
async function tryToReserve(
  client: DynamoDBClient,
  table: string,
  reservation: Reservation,
  limits: Limits,
  now: number,
  expected: CallCount | undefined,
): Promise<Admission | { readonly calls: CallCount | undefined }> {
  const written = await update(client, reserveUpdate(table, reservation, limits, now, expected))
  if (written.written) return { admitted: true, reservation, used: usedOf(written.attributes) }

  const counters = toCounters(written.existing, reservation)
  const own = counters.open.find(o => entryKey(o.reservation) === entryKey(reservation))
  if (own) return { admitted: true, reservation: own.reservation }
  const { rate } = limits
  const calls = rate && callCount(written.existing ?? {}, rate, now)
  if (rate && calls && calls.count >= rate.count) return { admitted: false, counters, over_rate: true }
  if (exceeded(counters, limits, reservation)) return { admitted: false, counters }
  if (written.existing || !(await create(client, table, reservation, now, calls))) return { calls }
  const used = { requests: reservation.holds_request ? 1 : 0, tokens: reservation.estimate }
  return { admitted: true, reservation, used }
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
    key: { pk: key(reservation) },
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
    names: { '#open': 'open', '#entry': entryKey(reservation) },
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

/** The first reservation of a window brings the item with it: no expression can set a map and an entry of it at once. */
async function create(
  client: DynamoDBClient,
  table: string,
  reservation: Reservation,
  now: number,
  calls: CallCount | undefined,
): Promise<boolean> {
  const { written } = await put(client, {
    table,
    key: { pk: key(reservation) },
    item: {
      requests: reservation.holds_request ? 1 : 0,
      tokens: reservation.estimate,
      open: { [entryKey(reservation)]: toEntry(reservation, now) },
      watched: reservation.user_id,
      ...(calls && firstCall(calls)),
      ttl: Math.floor((now + ITEM_TTL_MS) / 1000),
    },
    condition: 'attribute_not_exists(pk)',
  })
  return written
}

/** A batch's closings in one update an item; if one of them is closed already, each on its own. */
async function closeAll(client: DynamoDBClient, table: string, closings: readonly Closing[]): Promise<void> {
  const distinct = [
    ...new Map(
      closings.map(c => [`${key(c.reservation)} ${entryKey(c.reservation)} ${c.reservation.nonce}`, c]),
    ).values(),
  ]
  const groups = Object.values(Object.groupBy(distinct, c => key(c.reservation)))
  const chunks = groups.flatMap(group => chunked(group ?? [], CLOSINGS_AN_UPDATE))
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
  const isOpenAsNamed = closings.map((_, i) => `#open.#e${i}[${NONCE}] = :n${i}`)
  return update(client, {
    table,
    key: { pk: key(first.reservation) },
    update: `SET tokens = tokens + :tokens, requests = requests + :requests REMOVE ${closings.map((_, i) => `#open.#e${i}`).join(', ')}`,
    condition: isOpenAsNamed,
    names: {
      '#open': 'open',
      ...Object.fromEntries(closings.map((c, i) => [`#e${i}`, entryKey(c.reservation)])),
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
