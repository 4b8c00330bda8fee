import type { RequestItem, Reservation } from '../../../functions/core/domain/item.ts'
import type { Admin } from '../admin.ts'

export type OpenPorts = Pick<Admin, 'openReservations' | 'itemsOf'>

/**
 * The requests that wait or run, and those whose end is on its way to Postgres: each of them has an open reservation, and most have
 * no row yet. A request of the last second may be missing. Rejects with `Unavailable`.
 */
export async function openRequests(
  { openReservations, itemsOf }: OpenPorts,
  isWanted: (reservation: Reservation) => boolean = () => true,
): Promise<RequestItem[]> {
  const found = new Map<string, RequestItem>()
  for await (const page of openReservations()) {
    const wanted = page.map(({ reservation }) => reservation).filter(isWanted)
    // A request may have a second reservation that a crash has left.
    const distinct = [...new Map(wanted.map(one => [one.request_id, one])).values()]
    for (const item of await itemsOf(distinct)) if (item.status !== 'rejected') found.set(item.request_id, item)
  }
  return [...found.values()]
}
