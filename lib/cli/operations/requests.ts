import * as z from 'zod'
import { type Charged, chargedFor } from '../../../functions/core/domain/charged.ts'
import { isTerminal, type RequestItem, type Status } from '../../../functions/core/domain/item.ts'
import type { Payload } from '../../../functions/core/domain/messages.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import { traceIdOf } from '../../../functions/core/platform/tracing/traceparent.ts'
import type { RecordedRequest } from '../../../functions/core/stores/ledger/admin.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'
import { newestOpen, type OpenPorts, openRequests } from './open-requests.ts'
import { type WaitingPorts, type Waits, whyItWaits } from './why-it-waits.ts'

/**
 * The description of a request for operators: from its row in Postgres, or from its item if the item is newer. Times
 * are ISO 8601.
 */
export interface RequestSummary {
  readonly request_id: string
  readonly user: string
  readonly model: string
  readonly priority: string
  readonly status: Status
  readonly run: number
  readonly attempts: number
  readonly estimated_tokens: number
  readonly usage?: RequestItem['usage']
  readonly error?: RequestItem['error']
  /** The charge of all runs that have ended. Absent when the item no longer exists, or no run has ended yet. */
  readonly charged?: Charged | undefined
  readonly quota_window: string
  /** The id of the request's trace, if tracing is on. */
  readonly trace_id?: string | undefined
  readonly created_at: string
  /** The time at which a waiting retry may begin. */
  readonly not_before?: string | undefined
  readonly started_at?: string | undefined
  readonly completed_at?: string | undefined
  readonly deadline: string
}

/**
 * All facts about a request. A large prompt or result is in the payload bucket, and the row has only its key. The bucket
 * may delete the object earlier than Postgres deletes the row. Then only the key is shown. If prompts are not stored, there
 * is no prompt.
 */
export interface RequestDetails extends RequestSummary {
  /** The reason why the request waits. Absent if the request does not wait. */
  readonly waits?: Waits | undefined
  readonly metadata?: unknown
  readonly prompt?: unknown
  readonly prompt_key?: string | undefined
  readonly result?: unknown
  readonly result_key?: string | undefined
}

type RequestPorts = Pick<Admin, 'items' | 'ledger' | 'payloads'>

/** The filters of a list of requests. An absent filter excludes no request. */
export interface ListFilter {
  readonly user?: string | undefined
  readonly status?: Status | undefined
  readonly model?: string | undefined
  /** Only requests that were made at this time or later, epoch milliseconds. */
  readonly since?: number | undefined
  /** Only requests older than the one with this id. */
  readonly before?: string | undefined
  readonly limit: number
}

/** The number of rows that one statement reads. More rows might exceed the Data API's limit of 1 MiB per answer. */
const PAGE = 100

export type ListPorts = OpenPorts & {
  readonly ledger: Pick<RequestPorts['ledger'], 'list'>
  readonly items: Pick<RequestPorts['items'], 'get'>
}

/**
 * Lists requests, newest first: those with a row in Postgres, and those that wait or run, which usually have no row yet.
 * Rejects with `Unavailable` if the service can't be reached.
 */
export async function listRequests(ports: ListPorts, filter: ListFilter): Promise<RequestSummary[]> {
  // The order is important: a request that ends between the two reads is found by the second read, in Postgres. In the
  // other order, such a request might be missing in both reads.
  const open = await listOpen(ports, filter)
  const recorded = await listRecorded(ports, filter)
  const listed = new Map(open.map(one => [one.request_id, one]))
  // After a redrive, the row may still have the previous run. Then the request is listed as its item says.
  for (const one of recorded) if ((listed.get(one.request_id)?.run ?? 0) <= one.run) listed.set(one.request_id, one)
  return [...listed.values()].sort((a, b) => (a.request_id < b.request_id ? 1 : -1)).slice(0, filter.limit)
}

async function listOpen(ports: OpenPorts, filter: ListFilter): Promise<RequestSummary[]> {
  const { user, status, model, since = 0, before, limit } = filter
  // Requests that have ended are listed from their rows, so no open request matches.
  if (status !== undefined && isTerminal(status)) return []
  const items = await newestOpen(
    ports,
    ({ user_id, request_id }) =>
      (user === undefined || user_id === user) && (before === undefined || request_id < before),
    item =>
      (status === undefined || item.status === status) &&
      (model === undefined || item.model === model) &&
      item.created_at >= since,
    limit,
  )
  return items.map(ofItem)
}

/**
 * Lists requests from Postgres. A few rows have the status queued, such as those of requests that wait for long. For
 * these requests, the items are read, too, because an item has the newer status.
 */
async function listRecorded(
  { ledger, items }: ListPorts,
  { user, status, model, since, before, limit }: ListFilter,
): Promise<RequestSummary[]> {
  const found: RequestSummary[] = []
  // With a status, whole pages are read, because few requests of a page may have this status.
  const pageSize = status === undefined ? Math.min(PAGE, limit) : PAGE
  let olderThan = before
  while (found.length < limit) {
    const inRow = status === 'running' ? 'queued' : status
    const page = await ledger.list({ user, model, since, status: inRow, before: olderThan, limit: pageSize })
    const current = await Promise.all(
      page.map(row => (row.status === 'queued' ? asItSays(items, row) : summaryOf(row))),
    )
    found.push(...current.filter(request => status === undefined || request.status === status))
    if (page.length < pageSize) break
    olderThan = page.at(-1)?.request_id
  }
  return found.slice(0, limit)
}

/** Shows everything about one request. Throws `Refusal` if there is no such request, and `Unavailable` if a service can't be reached. */
export async function showRequest(ports: RequestPorts & WaitingPorts & OpenPorts, id: string): Promise<RequestDetails> {
  const { items, ledger, payloads } = ports
  const row = await ledger.show(id)
  const { summary, metadata } = row
    ? { summary: await asItSays(items, row), metadata: row.metadata ?? undefined }
    : await openRequest(ports, id)
  const [waits, prompt, result] = await Promise.all([
    summary.status === 'queued' ? whyItWaits(ports, summary) : undefined,
    ledger.prompt(id),
    summary.status === 'completed' ? ledger.result(id, summary.run) : undefined,
  ])
  return {
    ...summary,
    ...(waits && { waits }),
    metadata,
    prompt: await promptOf(payloads, prompt),
    prompt_key: keyOf(prompt),
    result: await checkedOut(payloads, result),
    result_key: keyOf(result),
  }
}

/** Finds an open request that has no row yet. */
async function openRequest(
  ports: OpenPorts,
  id: string,
): Promise<{ summary: RequestSummary; metadata: RequestItem['metadata'] }> {
  const [item] = await openRequests(ports, ({ request_id }) => request_id === id)
  if (item) return { summary: ofItem(item), metadata: item.metadata }
  throw new Refusal(
    `there is no request ${id}: it neither waits nor runs, and it is not in Postgres, from where an old one is deleted after observability.retention.ledger; or it has just ended: ask again in a minute`,
  )
}

async function asItSays(items: Pick<RequestPorts['items'], 'get'>, row: RecordedRequest): Promise<RequestSummary> {
  const item = await items.get(row.user_id, row.request_id)
  // A row is kept longer than its item. If the item no longer exists, the request is shown as its row says.
  return item ? ofItem(item) : summaryOf(row)
}

const ofItem = (item: RequestItem): RequestSummary => ({
  request_id: item.request_id,
  user: item.user_id,
  model: item.model,
  priority: item.priority,
  status: item.status,
  run: item.run,
  attempts: item.attempt,
  estimated_tokens: item.estimate,
  usage: item.usage,
  error: item.error,
  charged: chargedFor(item),
  quota_window: item.window,
  created_at: iso(item.created_at),
  trace_id: traceIdOf(item.traceparent),
  not_before: item.status === 'queued' ? iso(item.not_before) : undefined,
  started_at: iso(item.started_at),
  completed_at: iso(item.completed_at),
  deadline: iso(item.deadline),
})

const summaryOf = (row: RecordedRequest): RequestSummary => ({
  request_id: row.request_id,
  user: row.user_id,
  model: row.model,
  priority: row.priority,
  status: row.status,
  run: row.run,
  attempts: row.attempts,
  estimated_tokens: row.estimated_tokens,
  usage: usageOf(row),
  error: row.error ?? undefined,
  quota_window: row.quota_window,
  created_at: iso(row.created_at),
  started_at: iso(row.started_at),
  completed_at: iso(row.completed_at),
  deadline: iso(row.deadline),
})

const usageOf = ({ prompt_tokens, completion_tokens, total_tokens }: RecordedRequest): RequestItem['usage'] =>
  total_tokens === null
    ? undefined
    : {
        ...(prompt_tokens !== null && { prompt_tokens }),
        ...(completion_tokens !== null && { completion_tokens }),
        total_tokens,
      }

const keyOf = (payload: Payload | undefined): string | undefined =>
  payload && 'key' in payload ? payload.key : undefined

async function checkedOut(payloads: RequestPorts['payloads'], payload: Payload | undefined): Promise<unknown> {
  if (!payload) return undefined
  return 'key' in payload ? payloads.get(payload.key) : payload.inline
}

/** The body of a request. The prompt is a part of it. */
const Body = z.object({ prompt: z.string() })

/** Returns a stored prompt. For a large prompt, the payload store has the whole body, and the prompt is taken from it. */
async function promptOf(payloads: RequestPorts['payloads'], payload: Payload | undefined): Promise<unknown> {
  const value = await checkedOut(payloads, payload)
  return keyOf(payload) === undefined ? value : Body.safeParse(value).data?.prompt
}
