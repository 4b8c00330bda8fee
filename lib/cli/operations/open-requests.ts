import type { RequestItem, Reservation } from '../../../functions/core/domain/item.ts'
import type { Admin } from '../admin.ts'

export type OpenPorts = Pick<Admin, 'openReservations' | 'itemsOf'>

/**
 * Returns the requests that wait or run, and those whose end is not yet in Postgres. Each of them has an open
 * reservation, and most have no row yet. A request of the last second may be missing. Rejects with `Unavailable` if the service can't be reached.
 */
export async function openRequests(
  ports: OpenPorts,
  isWanted: (reservation: Reservation) => boolean = () => true,
): Promise<RequestItem[]> {
  return accepted(await ports.itemsOf(await reserved(ports, isWanted)))
}

/** The number of items that one call to DynamoDB reads. */
const READ_AT_ONCE = 100

/**
 * Returns the newest open requests that match: at least `limit`, if there are so many. When it has found so many, it
 * reads no further items. Rejects with `Unavailable` if the service can't be reached.
 */
export async function newestOpen(
  ports: OpenPorts,
  isWanted: (reservation: Reservation) => boolean,
  matches: (item: RequestItem) => boolean,
  limit: number,
): Promise<RequestItem[]> {
  // An id begins with the time of its creation, so the order of the ids is the order of the requests.
  const newestFirst = (await reserved(ports, isWanted)).sort((a, b) => (a.request_id < b.request_id ? 1 : -1))
  const found: RequestItem[] = []
  for (let at = 0; found.length < limit && at < newestFirst.length; at += READ_AT_ONCE)
    found.push(...accepted(await ports.itemsOf(newestFirst.slice(at, at + READ_AT_ONCE))).filter(matches))
  return found
}

async function reserved(
  { openReservations }: OpenPorts,
  isWanted: (reservation: Reservation) => boolean,
): Promise<Reservation[]> {
  // A request may have a second reservation, which a crash has left open. The map keeps one reservation per request.
  const found = new Map<string, Reservation>()
  for await (const page of openReservations())
    for (const { reservation } of page) if (isWanted(reservation)) found.set(reservation.request_id, reservation)
  return [...found.values()]
}

const accepted = (items: readonly RequestItem[]): RequestItem[] => items.filter(({ status }) => status !== 'rejected')
