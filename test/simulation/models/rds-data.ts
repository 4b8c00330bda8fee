import { ExecuteStatementCommand, type RDSDataClient } from '@aws-sdk/client-rds-data'
import { COMPLETED, type JsonRow, RECORD, RESULT } from '../../../functions/core/stores/ledger/sql.ts'

/** A row of `requests`: null where nothing is known. `result` is its JSON text, as Postgres keeps it. */
export type StoredRow = Readonly<
  { [Column in Exclude<keyof JsonRow, Known | 'result'>]: Exclude<JsonRow[Column], undefined> | null } & Pick<
    JsonRow,
    Known
  > & {
      result: string | null
    }
>

/** Columns that every event knows. */
type Known =
  | 'request_id'
  | 'user_id'
  | 'model'
  | 'priority'
  | 'estimated_tokens'
  | 'status'
  | 'run'
  | 'attempts'
  | 'quota_window'
  | 'created_at'
  | 'deadline'

export interface StoredLetter {
  readonly id: string
  readonly request_id: string | null
  readonly reason: string
  readonly attempts: number
  readonly message: unknown
  readonly at: string
}

/** Told of each row that a statement has written. */
export type OnRow = (before: StoredRow | undefined, after: StoredRow) => void

export interface RdsDataModel {
  execute(command: unknown): unknown
  readonly requests: ReadonlyMap<string, StoredRow>
  readonly deadLetters: ReadonlyMap<string, StoredLetter>
}

/** Columns that move together, and those that are the same in every event that knows them: as in functions/core/stores/ledger/sql.ts. */
const OUTCOME = [
  'status',
  'run',
  'attempts',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'result',
  'result_key',
  'error',
  'quota_window',
  'started_at',
  'completed_at',
] as const
const FIXED = ['prompt', 'prompt_key', 'metadata'] as const

/** Postgres behind the RDS Data API, for the statements of functions/core/stores/ledger/sql.ts and no others. */
export function rdsDataModel(onRow: OnRow = () => {}): RdsDataModel {
  const requests = new Map<string, StoredRow>()
  const deadLetters = new Map<string, StoredLetter>()

  const record = ({ rows, dead_letters }: Record<string, string>) => {
    for (const letter of JSON.parse(dead_letters ?? '[]') as StoredLetter[]) {
      const old = deadLetters.get(letter.id)
      deadLetters.set(letter.id, old ? { ...old, message: old.message ?? letter.message ?? null } : letter)
    }
    for (const row of JSON.parse(rows ?? '[]') as JsonRow[]) {
      const before = requests.get(row.request_id)
      const after = upserted(before, stored(row))
      requests.set(row.request_id, after)
      onRow(before, after)
    }
    return {}
  }

  const result = ({ request_id, run }: Record<string, string>) => {
    const row = requests.get(request_id ?? '')
    const isIt = row?.status === 'completed' && row.run === Number(run)
    return { records: isIt ? [[text(row.result), text(row.result_key)]] : [] }
  }

  const completed = ({ ids }: Record<string, string>) => {
    const asked = JSON.parse(ids ?? '[]') as string[]
    const found = asked.filter(id => requests.get(id)?.status === 'completed')
    return { records: found.map(id => [text(id)]) }
  }

  const STATEMENTS = new Map([
    [RECORD, record],
    [RESULT, result],
    [COMPLETED, completed],
  ])

  return {
    requests,
    deadLetters,
    execute: command => {
      if (!(command instanceof ExecuteStatementCommand)) throw new Error('this command is not modelled')
      const statement = STATEMENTS.get(command.input.sql ?? '')
      if (!statement) throw new Error('this statement is not modelled')
      const parameters = (command.input.parameters ?? []).map(({ name = '', value }) => [
        name,
        value?.stringValue ?? String(value?.longValue),
      ])
      return statement(Object.fromEntries(parameters))
    },
  }
}

export const rdsDataClient = (send: (command: unknown) => Promise<unknown>): RDSDataClient =>
  ({ send }) as unknown as RDSDataClient

const text = (value: string | null) => (value === null ? { isNull: true } : { stringValue: value })

/** A field that JSON leaves out is null; a result of null is not, since its text is "null". */
const stored = (row: JsonRow): StoredRow => ({
  request_id: row.request_id,
  user_id: row.user_id,
  model: row.model,
  priority: row.priority,
  prompt: row.prompt ?? null,
  prompt_key: row.prompt_key ?? null,
  estimated_tokens: row.estimated_tokens,
  status: row.status,
  prompt_tokens: row.prompt_tokens ?? null,
  completion_tokens: row.completion_tokens ?? null,
  total_tokens: row.total_tokens ?? null,
  result: row.result === undefined || row.result === null ? null : JSON.stringify(row.result),
  result_key: row.result_key ?? null,
  error: row.error ?? null,
  metadata: row.metadata ?? null,
  run: row.run,
  attempts: row.attempts,
  quota_window: row.quota_window,
  created_at: row.created_at,
  started_at: row.started_at ?? null,
  completed_at: row.completed_at ?? null,
  deadline: row.deadline,
})

function upserted(old: StoredRow | undefined, next: StoredRow): StoredRow {
  if (!old) return next
  const advances = next.run > old.run || (next.run === old.run && old.status === 'queued' && next.status !== 'queued')
  const isSameStep = next.run === old.run && next.status === old.status
  const outcome = OUTCOME.map(column => [
    column,
    advances ? next[column] : isSameStep ? (old[column] ?? next[column]) : old[column],
  ])
  const fixed = FIXED.map(column => [column, old[column] ?? next[column]])
  return { ...old, ...Object.fromEntries([...outcome, ...fixed]) }
}
