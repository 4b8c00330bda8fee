import { acceptedEvent } from '../domain/events.ts'
import { givesWay, goesToBulk } from '../domain/gives-way.ts'
import { type RequestItem, type Reservation, reservationOf, traceAttributes } from '../domain/item.ts'
import { type Limits, shardLimits, shardOrder } from '../domain/limits.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import { ITEM_RETENTION_MS } from '../domain/timing.ts'
import { type WindowLength, windowAt } from '../domain/window.ts'
import type { Clock } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import { queueName, RESULTS_QUEUE } from '../queue/names.ts'
import { type ExceededLimit, exceeded } from '../stores/quota/verdict.ts'
import { countOpen } from './count-open.ts'
import type { LifecyclePorts } from './ports.ts'

export interface RedrivePorts extends Omit<LifecyclePorts, 'payloads'> {
  readonly clock: Clock
  readonly ids: Ids
  /**
   * If the user has more open requests than this, the new run gives way to requests of other users. Absent if the queue
   * itself serves users fairly.
   */
  readonly givesWayAbove?: number | undefined
}

/** The limits of the request's user now. They may have changed since the request was admitted. */
export interface Entitlement {
  readonly limits: Limits
  readonly shards: number
  readonly window: WindowLength
}

export type Redriven =
  | { readonly redriven: true; readonly run: number }
  | { readonly redriven: false; readonly reason: 'not failed' | 'erased' | ExceededLimit }

/**
 * Runs a failed request once more, as a new run of the same id. It closes the failed run's reservation, makes a new
 * one, sets the item to `queued`, and sends the message, in this order (rule 8). Rejects with `Unavailable` if the service can't be reached. A
 * repetition continues where the first call stopped. It sends the message again if the message may not have been sent.
 */
export async function redriveRequest(
  ports: RedrivePorts,
  message: InferenceMessage,
  entitlement: Entitlement,
): Promise<Redriven> {
  const item = await ports.items.get(message.user_id, message.request_id)
  if (item?.status === 'queued' && item.run > message.run) return send(ports, item, message)
  if (item?.erased) return { redriven: false, reason: 'erased' }
  // If a later run has failed, that run has its own dead letter, or will have one. Only that dead letter may redrive
  // the request. Otherwise the failure of the later run might never be recorded in Postgres.
  if (item?.status !== 'failed' || item.run !== message.run) return { redriven: false, reason: 'not failed' }

  await ports.quota.close([{ reservation: reservationOf(item), charge: item.charge }])
  const held = await hold(ports, item, entitlement)
  if ('refused' in held) return { redriven: false, reason: held.refused }
  const deadline = ports.clock() + expireAfterOf(item)
  const queued = await ports.items.redrive(item, { reservation: held.reservation, deadline })
  if (queued) return send(ports, queued, message, held.open)
  await ports.quota.close([{ reservation: held.reservation }])
  return { redriven: false, reason: 'not failed' }
}

/**
 * Returns the time in which a run must start, in milliseconds: `queue.expire_after` at the request's admission. A redrive
 * changes the deadline, but neither the time of the creation nor the `ttl`. So for a run after a redrive, the time
 * follows from the `ttl`.
 */
function expireAfterOf({ run, created_at, deadline, ttl }: RequestItem): number {
  return run === 1 ? deadline - created_at : ttl * 1000 - ITEM_RETENTION_MS - created_at
}

/**
 * Makes the reservation of the new run. The reservation holds tokens. It holds a request only if no earlier run was
 * charged one, so that a request is charged once (rule 3).
 */
async function hold(
  { quota, clock, ids, givesWayAbove }: RedrivePorts,
  item: RequestItem,
  { limits, shards, window }: Entitlement,
): Promise<{ reservation: Reservation; open: number | undefined } | { refused: ExceededLimit }> {
  const now = clock()
  const wasCharged = item.charge !== undefined || (item.earlier ?? []).length > 0
  let refused: ExceededLimit = 'in_flight'
  for (const shard of shardOrder(item.request_id, shards, shards)) {
    const reservation: Reservation = {
      ...reservationOf(item),
      run: item.next_run,
      window: windowAt(window, now).name,
      shard,
      nonce: ids.nonce(),
      holds_request: !wasCharged,
    }
    const part = shardLimits(limits, shard, shards)
    const admission = await quota.reserve(reservation, part, now)
    if (admission.admitted) {
      const open = await countOpen({ quota }, reservation, admission.used, shards, givesWayAbove)
      return { reservation: admission.reservation, open }
    }
    refused = exceeded(admission.counters, part, reservation) ?? refused
  }
  return { refused }
}

/**
 * Sends the message of the new run. `open` is the approximate number of the user's open requests. It is undefined in a
 * repetition, which makes no reservation and so does not learn the number. Then the request does not give way to those
 * of other users.
 */
async function send(
  { queue, givesWayAbove }: RedrivePorts,
  item: RequestItem,
  failed: InferenceMessage,
  open?: number,
): Promise<Redriven> {
  const { hints: _, ...rest } = failed
  const message: InferenceMessage = {
    ...rest,
    ...reservationOf(item),
    deadline: item.deadline,
    ...(givesWay(open, givesWayAbove) && { hints: { gives_way: true } }),
  }
  const group = item.user_id
  const trace = traceAttributes(item)
  const bulk = goesToBulk(message) && { gives_way: true }
  await queue.send(queueName(message.model, message.priority), { body: message, group, ...bulk, ...trace })
  await queue.send(RESULTS_QUEUE, { body: acceptedEvent(message), group, ...trace })
  return { redriven: true, run: item.run }
}
