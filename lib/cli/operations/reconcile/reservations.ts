import { isTerminal, type RequestItem, type Reservation } from '../../../../functions/core/domain/item.ts'
import {
  type Books,
  type Difference,
  hasEndedLongAgo,
  isStale,
  quotaText,
  requestKey,
  requestText,
  reservationKey,
  type Suspect,
} from './books.ts'

/** Checks that each open reservation belongs to a request that waits or runs, and that each such request has one. */
export function reservationDifferences(books: Books, now: number): Suspect[] {
  return [...withoutRequest(books, now), ...withoutReservation(books, now)]
}

function withoutRequest({ quotas, items }: Books, now: number): Suspect[] {
  const itemOf = new Map(items.map(item => [requestKey(item), item]))
  const stale = quotas.flatMap(({ open }) => open).filter(({ at }) => isStale(at, now))
  return stale.flatMap(({ reservation }) => {
    const found = wrongHolder(reservation, itemOf.get(requestKey(reservation)), now)
    if (found === undefined) return []
    const where = `${requestText(reservation)}, run ${reservation.run}, in ${quotaText(reservation)}`
    const expected = 'a request that waits or runs under this reservation'
    return [suspect(reservation, { kind: 'reservation', where, expected, found })]
  })
}

function wrongHolder(reservation: Reservation, item: RequestItem | undefined, now: number): string | undefined {
  if (!item) return 'no request item'
  if (reservationKey(item) !== reservationKey(reservation))
    return `an item of run ${item.run} in ${quotaText(item)}, whose reservation is ${item.nonce} and not ${reservation.nonce}`
  return hasEndedLongAgo(item, now) ? `a request that is ${item.status}` : undefined
}

function withoutReservation({ quotas, items }: Books, now: number): Suspect[] {
  const open = new Set(quotas.flatMap(quota => quota.open.map(({ reservation }) => reservationKey(reservation))))
  return items
    .filter(item => !isTerminal(item.status) && isStale(item.created_at, now) && !open.has(reservationKey(item)))
    .map(item => {
      const where = `${requestText(item)}, run ${item.run}`
      const expected = `an open reservation in ${quotaText(item)}`
      return suspect(item, { kind: 'unreserved', where, expected, found: `none, although it is ${item.status}` })
    })
}

const suspect = ({ user_id, request_id, window, shard }: Reservation, difference: Difference): Suspect => ({
  difference,
  user_id,
  request_id,
  quota: { window, shard },
})
