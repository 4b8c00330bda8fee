import { type Charged, chargedFor } from '../domain/charged.ts'
import { RequestError } from '../domain/errors.ts'
import { RequestId } from '../domain/ids.ts'
import { type Failure, isTerminal, type RequestItem } from '../domain/item.ts'
import { MESSAGE_RETENTION_MS } from '../domain/timing.ts'
import { type Clock, iso } from '../platform/clock.ts'
import type { Ledger } from '../stores/ledger/port.ts'
import { findPayload, type Payloads } from '../stores/payloads/port.ts'
import type { RequestItems } from '../stores/requests/port.ts'

export interface ViewPorts {
  readonly items: Pick<RequestItems, 'get'>
  readonly ledger: Pick<Ledger, 'result'>
  readonly payloads: Payloads
  readonly clock: Clock
}

/** The description of a request for its owner. Absent fields are left out of an answer. */
export interface RequestView {
  readonly request_id: string
  readonly status: RequestItem['status']
  readonly model: string
  readonly priority: string
  readonly estimated_tokens: number
  readonly created_at: string
  readonly started_at?: string | undefined
  readonly completed_at?: string | undefined
  readonly attempts: number
  readonly metadata?: unknown
  readonly result?: unknown
  readonly usage?: unknown
  /** The sum over all runs. Set after the request has ended. */
  readonly charged?: Charged | undefined
  readonly error?: Failure | undefined
}

/**
 * Returns the caller's item. For the item of another user, it throws `not_found`, as for an unknown id. So nobody can
 * find out whether a request of another user exists (I11). Throws `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached.
 */
export async function ownItem(
  { items }: Pick<ViewPorts, 'items'>,
  userId: string,
  requestId: string,
): Promise<RequestItem> {
  const item = RequestId.safeParse(requestId).success ? await items.get(userId, requestId) : undefined
  if (!item || item.status === 'rejected' || item.erased)
    throw new RequestError('not_found', 'there is no such request')
  return item
}

/**
 * Returns one request of the caller. A completed request has its result as long as the ledger keeps the result. Throws
 * what `ownItem` throws.
 */
export const viewRequest = async (ports: ViewPorts, userId: string, requestId: string): Promise<RequestView> =>
  viewItem(ports, await ownItem(ports, userId, requestId))

/**
 * Returns one request of the caller, as a client of OpenAI's Responses API sees it: cancelled from the cancellation on.
 * In that API, `cancelled` is final. A running request whose cancellation is recorded can only end as cancelled. Throws
 * what `ownItem` throws.
 */
export async function viewResponse(ports: ViewPorts, userId: string, requestId: string): Promise<RequestView> {
  const item = await ownItem(ports, userId, requestId)
  const isCancelled = item.status === 'running' && item.cancel_requested
  return isCancelled ? { ...toView(item), status: 'cancelled' } : viewItem(ports, item)
}

async function viewItem(ports: ViewPorts, item: RequestItem): Promise<RequestView> {
  if (item.status !== 'completed') return toView(item)
  const payload = await ports.ledger.result(item.request_id, item.run)
  if (payload) return { ...toView(item), result: await findPayload(ports.payloads, payload) }
  return toView(isPastRecording(item, ports.clock()) ? item : unfinished(item))
}

/**
 * Returns whether a request has completed so long ago that no queue can still have its result. If such a request has no
 * row, the row was deleted because of its age, since `observability.retention.ledger` is longer than queues keep
 * messages. If a request that has completed more recently has no row, the row will still be written.
 */
export const isPastRecording = ({ completed_at }: RequestItem, now: number): boolean =>
  completed_at !== undefined && completed_at <= now - MESSAGE_RETENTION_MS

/**
 * Returns a completed item as its owner sees it until the ledger has the result: with the status `running`. So a GET
 * answers `completed` only when the result can be read (I9).
 */
export const unfinished = (item: RequestItem): RequestItem => ({
  ...item,
  status: 'running',
  completed_at: undefined,
  usage: undefined,
})

export const toView = (item: RequestItem): RequestView => ({
  request_id: item.request_id,
  status: item.status,
  model: item.model,
  priority: item.priority,
  estimated_tokens: item.estimate,
  created_at: iso(item.created_at),
  started_at: iso(item.started_at),
  completed_at: iso(item.completed_at),
  attempts: item.attempt,
  metadata: item.metadata,
  usage: item.usage,
  charged: isTerminal(item.status) ? chargedFor(item) : undefined,
  error: item.error,
})
