import { type Failure, isTerminal, type RequestItem, type Reservation } from '../domain/item.ts'
import { ITEM_RETENTION_MS, STALE_RESERVATION_MS } from '../domain/timing.ts'
import type { OpenReservation } from '../stores/quota/port.ts'
import { finalizeRequest } from './finalize-request.ts'
import type { LifecyclePorts } from './ports.ts'
import { rejectAbsent } from './reject-request.ts'

/**
 * Closes a reservation that has been open for long, if its request has ended, was never written, or can't go on.
 * Returns whether the reservation was closed. The item decides: the reservation of a request that still waits or runs
 * stays open. With `models`, a queued request of any other model fails, because that model was removed, and no function
 * takes messages from its queues any more. `goesOn` is called with the item of a request that still waits or runs.
 */
export async function reapReservation(
  ports: LifecyclePorts,
  open: OpenReservation,
  now: number,
  models?: readonly string[],
  goesOn?: (item: RequestItem) => void,
): Promise<boolean> {
  if (now - open.at < STALE_RESERVATION_MS) return false
  const { reservation } = open
  const item = await ports.items.get(reservation.user_id, reservation.request_id)
  if (!item) {
    const left = await rejectAbsent(ports, orphan(open, now))
    return left.status === 'rejected'
  }
  if (!isOwn(item, reservation)) {
    if (reservation.run >= item.next_run && !(await mayRetireRunNumber(ports, item, reservation.run))) return false
    await ports.quota.close([{ reservation }])
    return true
  }
  const ended = isTerminal(item.status)
    ? item
    : ((await overdue(ports, item, now)) ?? (await withoutModel(ports, item, now, models)))
  if (ended) await finalizeRequest(ports, ended)
  else goesOn?.(item)
  return ended !== undefined
}

/**
 * Returns whether an item that may be some seconds old shows that its request still waits or runs. Then
 * `reapReservation` would leave the reservation open, and need not be called now. If the request has ended meanwhile, a
 * later run of the sweeper sees this and closes the reservation, so an old state only delays that.
 */
export const showsOpen = (
  item: RequestItem,
  reservation: Reservation,
  now: number,
  models: readonly string[],
): boolean =>
  isOwn(item, reservation) &&
  !isTerminal(item.status) &&
  item.deadline > now &&
  (item.status !== 'queued' || models.includes(item.model))

/** Returns whether a reservation is the reservation of an item. */
export const isOwn = (item: RequestItem, { run, window, shard, nonce }: Reservation): boolean =>
  item.run === run && item.window === window && item.shard === shard && item.nonce === nonce

/**
 * Retires the run number of a redrive that has made its reservation but has not started its run (rule 8). After that,
 * the redrive can't start this run any more. Otherwise the run could start without a reservation, and would not be
 * charged. Returns whether the reservation of the redrive may then be released.
 */
const mayRetireRunNumber = async ({ items }: LifecyclePorts, item: RequestItem, run: number): Promise<boolean> =>
  item.status === 'failed' && items.retireRunNumber(item, run)

/** Ends an item after its deadline: a queued item expires, and a running item fails if its lease has also expired. */
async function overdue({ items }: LifecyclePorts, item: RequestItem, now: number): Promise<RequestItem | undefined> {
  if (item.deadline > now) return undefined
  if (item.status === 'queued') return items.expire(item, now)
  return items.giveUp(item, { code: 'worker_crashed', message: 'the worker stopped while it ran the request' }, now)
}

const MODEL_REMOVED: Failure = { code: 'model_removed', message: 'its model is no longer a part of the deployment' }

/**
 * Fails a queued item whose model was removed, so that its owner does not wait until the deadline. A running item is
 * not changed, because its worker may have sent the outcome already, and this outcome must count.
 */
async function withoutModel(
  { items }: LifecyclePorts,
  item: RequestItem,
  now: number,
  models?: readonly string[],
): Promise<RequestItem | undefined> {
  if (models === undefined || models.includes(item.model) || item.status !== 'queued') return undefined
  return items.giveUp(item, MODEL_REMOVED, now)
}

/** Builds the tombstone of a request that has a reservation and no item. */
export const orphan = ({ reservation, at }: OpenReservation, now: number): RequestItem => ({
  ...reservation,
  next_run: reservation.run + 1,
  model: '',
  priority: 'normal',
  fingerprint: '',
  created_at: at,
  deadline: at,
  status: 'rejected',
  attempt: 0,
  crashes: 0,
  completed_at: now,
  ttl: Math.floor((now + ITEM_RETENTION_MS) / 1000),
})
