import { z } from 'zod'
import { isTerminal, type RequestItem, type Status } from '../../../functions/core/domain/item.ts'
import type { Payload } from '../../../functions/core/domain/messages.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import type { RecordedRequest } from '../../../functions/core/stores/ledger/admin.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'

/** A request as operators see it: as recorded in Postgres, but where its item knows better. Times are ISO 8601. */
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
  /** Of all runs that have ended; absent when there is no item any more, or nothing has been decided yet. */
  readonly charged?: { readonly requests: number; readonly tokens: number } | undefined
  readonly quota_window: string
  readonly created_at: string
  /** When a retry, which waits, may begin. */
  readonly not_before?: string | undefined
  readonly started_at?: string | undefined
  readonly completed_at?: string | undefined
  readonly deadline: string
}

/**
 * What is large lies in the payload bucket, under a key, and is gone from there sooner than the row: then there is the
 * key alone. There is no prompt where prompts are not stored.
 */
export interface RequestDetails extends RequestSummary {
  readonly metadata?: unknown
  readonly prompt?: unknown
  readonly prompt_key?: string | undefined
  readonly result?: unknown
  readonly result_key?: string | undefined
}

type RequestPorts = Pick<Admin, 'items' | 'ledger' | 'payloads'>

/** Rows that one statement asks for: the Data API answers with 1 MiB at most. */
const PAGE = 100

/**
 * A user's requests, or all, newest first. Postgres knows a request as queued until it ends, so those are looked up in
 * the request items. Rejects with `Unavailable`.
 */
export async function listRequests(
  { ledger, items }: { ledger: Pick<RequestPorts['ledger'], 'list'>; items: Pick<RequestPorts['items'], 'get'> },
  { user, status, limit }: { user?: string | undefined; status?: Status | undefined; limit: number },
): Promise<RequestSummary[]> {
  const found: RequestSummary[] = []
  // Of a page, few may have the status that is asked for.
  const pageSize = status === undefined ? Math.min(PAGE, limit) : PAGE
  let before: string | undefined
  while (found.length < limit) {
    const page = await ledger.list({ user, status: status === 'running' ? 'queued' : status, before, limit: pageSize })
    const current = await Promise.all(
      page.map(row => (row.status === 'queued' ? asItSays(items, row) : summaryOf(row))),
    )
    found.push(...current.filter(request => status === undefined || request.status === status))
    if (page.length < pageSize) break
    before = page.at(-1)?.request_id
  }
  return found.slice(0, limit)
}

/** All that is known of one request. Throws `Refusal` when there is none, and `Unavailable`. */
export async function showRequest({ items, ledger, payloads }: RequestPorts, id: string): Promise<RequestDetails> {
  const row = await ledger.show(id)
  if (!row)
    throw new Refusal(
      `there is no request ${id} in Postgres, where a new one comes after a few seconds, and from where an old one is deleted after observability.retention.ledger`,
    )
  const summary = await asItSays(items, row)
  const [prompt, result] = await Promise.all([
    ledger.prompt(id),
    summary.status === 'completed' ? ledger.result(id, summary.run) : undefined,
  ])
  return {
    ...summary,
    metadata: row.metadata ?? undefined,
    prompt: await promptOf(payloads, prompt),
    prompt_key: keyOf(prompt),
    result: await checkedOut(payloads, result),
    result_key: keyOf(result),
  }
}

async function asItSays(items: Pick<RequestPorts['items'], 'get'>, row: RecordedRequest): Promise<RequestSummary> {
  const recorded = summaryOf(row)
  const item = await items.get(row.user_id, row.request_id)
  // Rows are kept longer than items.
  if (!item) return recorded
  return {
    ...recorded,
    status: item.status,
    run: item.run,
    attempts: item.attempt,
    estimated_tokens: item.estimate,
    usage: item.usage,
    error: item.error,
    charged: chargedFor(item),
    quota_window: item.window,
    not_before: item.status === 'queued' ? iso(item.not_before) : undefined,
    started_at: iso(item.started_at),
    completed_at: iso(item.completed_at),
    deadline: iso(item.deadline),
  }
}

/** A run that ends without a charge costs nothing (docs/adr/0004). */
function chargedFor({ status, charge, holds_request, earlier = [] }: RequestItem): RequestSummary['charged'] {
  const runs = [...earlier, ...(charge === undefined ? [] : [{ tokens: charge, request: holds_request }])]
  if (runs.length === 0 && !isTerminal(status)) return undefined
  return {
    requests: runs.filter(({ request }) => request).length,
    tokens: runs.reduce((sum, { tokens }) => sum + tokens, 0),
  }
}

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
  prompt_tokens === null || completion_tokens === null || total_tokens === null
    ? undefined
    : { prompt_tokens, completion_tokens, total_tokens }

const keyOf = (payload: Payload | undefined): string | undefined =>
  payload && 'key' in payload ? payload.key : undefined

async function checkedOut(payloads: RequestPorts['payloads'], payload: Payload | undefined): Promise<unknown> {
  if (!payload) return undefined
  return 'key' in payload ? payloads.get(payload.key) : payload.inline
}

/** The request's body, of which the prompt is a part. */
const Body = z.object({ prompt: z.string() })

/** What lies under a prompt's key is the whole body. */
async function promptOf(payloads: RequestPorts['payloads'], payload: Payload | undefined): Promise<unknown> {
  const value = await checkedOut(payloads, payload)
  return keyOf(payload) === undefined ? value : Body.safeParse(value).data?.prompt
}
