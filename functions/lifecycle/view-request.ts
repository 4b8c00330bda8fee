import type { RequestItems } from '../items/port.ts'
import type { Ledger } from '../ledger/port.ts'
import { checkOut, type Payloads } from '../payloads/port.ts'
import { iso } from '../platform/clock.ts'
import { ApiError } from '../requests/errors.ts'
import { RequestId } from '../requests/ids.ts'
import type { RequestItem } from '../requests/item.ts'

export interface ViewPorts {
  readonly items: Pick<RequestItems, 'get'>
  readonly ledger: Pick<Ledger, 'result'>
  readonly payloads: Payloads
}

/** A request as its owner sees it (contract §2); absent fields are left out. */
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
  readonly error?: unknown
}

/** The caller's item. Another's is not found, just like one that never was (I11). Throws `ApiError`, and `Unavailable`. */
export async function ownItem(
  { items }: Pick<ViewPorts, 'items'>,
  userId: string,
  requestId: string,
): Promise<RequestItem> {
  const item = RequestId.safeParse(requestId).success ? await items.get(userId, requestId) : undefined
  if (!item || item.status === 'rejected') throw new ApiError('not_found', 'there is no such request')
  return item
}

/** One request of the caller's, with its result once it has one. Throws as `ownItem` does. */
export async function viewRequest(ports: ViewPorts, userId: string, requestId: string): Promise<RequestView> {
  const item = await ownItem(ports, userId, requestId)
  if (item.status !== 'completed') return toView(item)
  const payload = await ports.ledger.result(item.request_id, item.run)
  return payload ? { ...toView(item), result: await checkOut(ports.payloads, payload) } : toView(unfinished(item))
}

/** Completed is answered only once its result can be read (I9): until the ledger has it, the request is still running. */
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
  error: item.error,
})
