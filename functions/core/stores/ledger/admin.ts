import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import * as z from 'zod'
import { Failure, Status } from '../../domain/item.ts'
import type { Payload } from '../../domain/messages.ts'
import { reading } from '../../domain/reading.ts'
import type { LedgerEnv } from '../../platform/env.ts'
import { rdsDataLedger } from './rds-data.ts'
import { jsonOf, millisecondsOf, rowAsJson, statementsOf } from './statements.ts'

const Time = z.string().transform(millisecondsOf)

/** A row of `requests` without its large columns. Times are epoch milliseconds. */
const RecordedRequest = z.object({
  request_id: z.string(),
  user_id: z.string(),
  model: z.string(),
  priority: z.string(),
  estimated_tokens: z.int(),
  status: Status,
  prompt_tokens: z.int().nullable(),
  completion_tokens: z.int().nullable(),
  total_tokens: z.int().nullable(),
  error: reading(Failure).nullable(),
  run: z.int(),
  attempts: z.int(),
  quota_window: z.string(),
  created_at: Time,
  started_at: Time.nullable(),
  completed_at: Time.nullable(),
  deadline: Time,
})
export type RecordedRequest = z.infer<typeof RecordedRequest>

const Metadata = z.record(z.string(), z.unknown()).nullable()

export interface RequestFilter {
  readonly user?: string | undefined
  readonly model?: string | undefined
  /** Only requests that were made at this time or later, epoch milliseconds. */
  readonly since?: number | undefined
  readonly status?: RecordedRequest['status'] | undefined
  /** Only requests older than the request with this id. It is the last id of the previous page. */
  readonly before?: string | undefined
  readonly limit: number
}

/** The number of requests of a model with one status. */
export interface StatusCount {
  readonly model: string
  readonly status: RecordedRequest['status']
  readonly count: number
}

/**
 * The operator's access to the ledger, with queries that no Lambda function needs. All methods reject with
 * `Unavailable`.
 */
export interface LedgerAdmin {
  /** Lists requests, newest first. */
  list(filter: RequestFilter): Promise<RecordedRequest[]>
  /** Counts the requests that were made at `since` or later, epoch milliseconds. */
  countSince(since: number): Promise<StatusCount[]>
  show(requestId: string): Promise<(RecordedRequest & { metadata: Record<string, unknown> | null }) | undefined>
  /** Returns the prompt, or the key of the body that holds it. Returns undefined if no prompt is stored. */
  prompt(requestId: string): Promise<Payload | undefined>
  /** Returns the cost of a user's requests of a window, in USD. Returns undefined if none of them has a cost. */
  cost(user: string, window: string): Promise<number | undefined>
  /** Returns the result of a completed run, if it is recorded. */
  result(requestId: string, run: number): Promise<Payload | undefined>
}

const COLUMNS = Object.keys(RecordedRequest.shape)
const SHOW = `SELECT ${rowAsJson([...COLUMNS, 'metadata'])} FROM requests WHERE request_id = :request_id::uuid`
/** Reads the prompt without the result, because a row with both may be over the 64 KB that the Data API returns. */
const PROMPT = 'SELECT prompt, prompt_key FROM requests WHERE request_id = :request_id::uuid'

const COST = 'SELECT sum(cost)::text FROM requests WHERE user_id = :user AND quota_window = :window'
const COUNT = `SELECT json_build_object('model', model, 'status', status, 'count', count(*))::text FROM requests
WHERE request_id >= :since::uuid GROUP BY model, status`
const Count = z.object({ model: z.string(), status: Status, count: z.int() })

const CLAUSES = {
  user: 'user_id = :user',
  model: 'model = :model',
  status: 'status = :status',
  since: 'request_id >= :since::uuid',
  before: 'request_id < :before::uuid',
} as const

export function rdsDataLedgerAdmin(client: RDSDataClient, env: LedgerEnv): LedgerAdmin {
  const execute = statementsOf(client, env)
  return {
    list: async filter => {
      const { sql, parameters } = listStatement(filter)
      return (await execute(sql, parameters)).map(record => RecordedRequest.parse(jsonOf(record)))
    },
    countSince: async since =>
      (await execute(COUNT, { since: firstIdAt(since) })).map(record => Count.parse(jsonOf(record))),
    show: async requestId => {
      const [record] = await execute(SHOW, { request_id: requestId })
      return record && RecordedRequest.extend({ metadata: Metadata }).parse(jsonOf(record))
    },
    prompt: async requestId => {
      const [record] = await execute(PROMPT, { request_id: requestId })
      const [prompt, key] = record ?? []
      if (key?.stringValue !== undefined) return { key: key.stringValue }
      return prompt?.stringValue === undefined ? undefined : { inline: prompt.stringValue }
    },
    cost: async (user, window) => {
      const [record] = await execute(COST, { user, window })
      const sum = record?.[0]?.stringValue
      return sum === undefined ? undefined : Number(sum)
    },
    result: rdsDataLedger(client, env).result,
  }
}

/**
 * Builds the statement with a clause only for each filter that is set, so that Postgres can use an index. A request's
 * id begins with the time of its creation. So the order of the ids is the order of time.
 */
function listStatement({ limit, since, ...filter }: RequestFilter) {
  const named = { ...filter, since: since === undefined ? undefined : firstIdAt(since) }
  const asked = (['user', 'model', 'status', 'since', 'before'] as const).flatMap(name => {
    const value = named[name]
    return value === undefined ? [] : [{ name, value }]
  })
  const where = asked.length === 0 ? '' : ` WHERE ${asked.map(({ name }) => CLAUSES[name]).join(' AND ')}`
  return {
    sql: `SELECT ${rowAsJson(COLUMNS)} FROM requests${where} ORDER BY request_id DESC LIMIT :limit`,
    parameters: { ...Object.fromEntries(asked.map(({ name, value }) => [name, value])), limit },
  }
}

/** Returns the smallest id that a request made at this time can have. Ids are UUIDv7s, which begin with a time. */
function firstIdAt(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}
