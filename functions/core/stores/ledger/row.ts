import type { Payload } from '../../domain/messages.ts'
import { iso } from '../../platform/clock.ts'
import type { LedgerRow } from './port.ts'

/**
 * A row of `requests` as JSON, with the columns whose values an event contains. The statement `RECORD` reads this JSON.
 * Times are in the form of ISO 8601.
 */
export interface JsonRow {
  request_id: string
  user_id: string
  model: string
  priority: string
  prompt: string | undefined
  prompt_key: string | undefined
  estimated_tokens: number
  status: string
  prompt_tokens: number | undefined
  completion_tokens: number | undefined
  total_tokens: number | undefined
  cost: number | undefined
  result: unknown
  result_key: string | undefined
  error: unknown
  metadata: unknown
  run: number
  attempts: number
  quota_window: string
  created_at: string
  started_at: string | undefined
  completed_at: string | undefined
  deadline: string
}

/** The columns with the outcome of a run. They change together, so that a row never mixes two runs. */
export const OUTCOME = [
  'status',
  'run',
  'attempts',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'cost',
  'result',
  'result_key',
  'error',
  'quota_window',
  'created_at',
  'deadline',
  'started_at',
  'completed_at',
] as const satisfies readonly (keyof JsonRow)[]

/** Columns that have the same value in every event that has a value for them. */
export const FIXED = ['prompt', 'prompt_key', 'metadata'] as const satisfies readonly (keyof JsonRow)[]

export const COLUMNS = ['request_id', 'user_id', 'model', 'priority', 'estimated_tokens', ...OUTCOME, ...FIXED] as const

type Columns = { readonly [Column in keyof JsonRow]?: unknown } & Pick<JsonRow, 'run' | 'status'>

/**
 * Returns the row after one more event. `RECORD` does the same in SQL, and a test compares both. If the event has a
 * higher run than the row, or ends the row's run, its outcome replaces the row's outcome. If the event has the run and
 * the status of the row, it only fills outcome columns that are empty. Any event fills fixed columns that are empty. All
 * other columns stay as they are.
 */
export function upserted<Row extends Columns>(before: Row, event: Row): Row {
  const advances =
    event.run > before.run || (event.run === before.run && before.status === 'queued' && event.status !== 'queued')
  const isSameStep = event.run === before.run && event.status === before.status
  const outcome = OUTCOME.map(column => {
    if (advances) return [column, event[column]]
    return [column, isSameStep ? (before[column] ?? event[column]) : before[column]]
  })
  const fixed = FIXED.map(column => [column, before[column] ?? event[column]])
  return { ...before, ...Object.fromEntries([...outcome, ...fixed]) }
}

const inline = (payload: Payload | undefined) => (payload && 'inline' in payload ? payload.inline : undefined)
const keyOf = (payload: Payload | undefined) => (payload && 'key' in payload ? payload.key : undefined)

/** Returns the row that `RECORD` stores for an entry. */
export const toJsonRow = (row: LedgerRow): JsonRow => ({
  request_id: row.request_id,
  user_id: row.user_id,
  model: row.model,
  priority: row.priority,
  prompt: inline(row.prompt) as string | undefined,
  prompt_key: keyOf(row.prompt),
  estimated_tokens: row.estimated_tokens,
  status: row.status,
  prompt_tokens: row.usage?.prompt_tokens,
  completion_tokens: row.usage?.completion_tokens,
  total_tokens: row.usage?.total_tokens,
  cost: row.cost,
  result: inline(row.result),
  result_key: keyOf(row.result),
  error: row.error,
  metadata: row.metadata,
  run: row.run,
  attempts: row.attempts,
  quota_window: row.quota_window,
  created_at: iso(row.created_at),
  started_at: iso(row.started_at),
  completed_at: iso(row.completed_at),
  deadline: iso(row.deadline),
})
