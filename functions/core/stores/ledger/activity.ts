import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import * as z from 'zod'
import { Status } from '../../domain/item.ts'
import type { LedgerEnv } from '../../platform/env.ts'
import { jsonOf, statementsOf } from './statements.ts'

/** The count of the requests that were made in one part of a time span and have one status in the ledger. */
const ActivityCount = z.object({
  /** The start of the part, in epoch milliseconds. */
  at: z.int(),
  status: Status,
  count: z.int(),
  /** Half of the requests took at most this time from their creation to their end, in milliseconds. Null for requests that have not ended. */
  p50_ms: z.number().nullable(),
  /**
   * 95% of the requests took at most this time from their creation to their end, in milliseconds. Null for requests
   * that have not ended.
   */
  p95_ms: z.number().nullable(),
})
export type ActivityCount = z.infer<typeof ActivityCount>

const OpenRequest = z.object({ request_id: z.string(), user_id: z.string() })
/** A request that has not ended, according to the ledger. */
export type OpenRequest = z.infer<typeof OpenRequest>

/** Exact counts over the whole ledger, and its requests that have not ended, for operators. Methods reject with `Unavailable`. */
export interface LedgerActivity {
  /** Counts the requests that were made at `since` or later, per part of `partMs` and per status. Oldest part first. */
  counts(since: number, partMs: number): Promise<ActivityCount[]>
  /** Returns requests that have not ended, oldest first, after the request with the id `after`. */
  open(after: string | undefined, limit: number): Promise<OpenRequest[]>
  countDeadLetters(): Promise<number>
}

/**
 * A request's id begins with the time at which the request was made. So the condition on `request_id` lets Postgres
 * find the requests of a time span by the primary key.
 */
const COUNTS = `SELECT json_build_object('at', part, 'status', status, 'count', count(*),
    'p50_ms', percentile_cont(0.5) WITHIN GROUP (ORDER BY took_ms),
    'p95_ms', percentile_cont(0.95) WITHIN GROUP (ORDER BY took_ms))::text
  FROM (SELECT status, floor(extract(epoch FROM created_at) * 1000 / :part)::bigint * :part AS part,
      extract(epoch FROM completed_at - created_at)::double precision * 1000 AS took_ms
    FROM requests WHERE request_id >= :first::uuid AND created_at >= to_timestamp(:since / 1000.0)) AS made
  GROUP BY part, status ORDER BY part, status`

const OPEN = `SELECT json_build_object('request_id', request_id, 'user_id', user_id)::text
  FROM requests WHERE status = 'queued' AND request_id > :after::uuid ORDER BY request_id LIMIT :limit`

const FIRST_ID = '00000000-0000-0000-0000-000000000000'

const COUNT_DEAD_LETTERS = 'SELECT count(*)::text FROM dead_letters'

export function rdsDataActivity(client: RDSDataClient, env: LedgerEnv): LedgerActivity {
  const execute = statementsOf(client, env)
  return {
    counts: async (since, partMs) => {
      const records = await execute(COUNTS, { first: firstIdAt(since), since, part: partMs })
      return records.map(record => ActivityCount.parse(jsonOf(record)))
    },
    open: async (after = FIRST_ID, limit) =>
      (await execute(OPEN, { after, limit })).map(record => OpenRequest.parse(jsonOf(record))),
    countDeadLetters: async () => {
      const [record] = await execute(COUNT_DEAD_LETTERS, {})
      return Number(record?.[0]?.stringValue ?? 0)
    },
  }
}

/** Returns the smallest UUIDv7 that can be made at a time (epoch milliseconds). */
function firstIdAt(ms: number): string {
  const time = Math.max(ms, 0).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`
}
