import { ExecuteStatementCommand, type RDSDataClient } from '@aws-sdk/client-rds-data'
import { type JsonRow, upserted } from '../../../functions/core/stores/ledger/row.ts'
import { COMPLETED, ERASE, RECORD, RESULT } from '../../../functions/core/stores/ledger/sql.ts'

/** A row of `requests`. Columns without a value are null. `result` is JSON text, as in Postgres. */
export type StoredRow = Readonly<
  { [Column in Exclude<keyof JsonRow, Known | 'result'>]: Exclude<JsonRow[Column], undefined> | null } & Pick<
    JsonRow,
    Known
  > & {
      result: string | null
      /** Not null once the owner has deleted the request. */
      erased_at: string | null
    }
>

/** Columns that are never null, because every event has their values. */
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

/** Is called with each row that a statement writes. */
export type OnRow = (before: StoredRow | undefined, after: StoredRow) => void

export interface RdsDataModel {
  execute(command: unknown): unknown
  readonly requests: ReadonlyMap<string, StoredRow>
  readonly deadLetters: ReadonlyMap<string, StoredLetter>
  /** The users whom an operator has deleted, and the time of each deletion in epoch milliseconds. Earlier requests of a deleted user are not recorded. */
  readonly deletedUsers: Map<string, number>
}

/** A model of Postgres behind the RDS Data API. It executes only the statements of functions/core/stores/ledger/sql.ts. */
export function rdsDataModel(onRow: OnRow = () => {}): RdsDataModel {
  const requests = new Map<string, StoredRow>()
  const deadLetters = new Map<string, StoredLetter>()
  const deletedUsers = new Map<string, number>()
  const isDeleted = ({ user_id, created_at }: JsonRow) => Date.parse(created_at) <= (deletedUsers.get(user_id) ?? 0)

  const isErased = (id: string | null) => (requests.get(id ?? '')?.erased_at ?? null) !== null

  const record = (parameters: Record<string, string>) => {
    const rows = JSON.parse(parameters.rows ?? '[]') as JsonRow[]
    const letters = JSON.parse(parameters.dead_letters ?? '[]') as StoredLetter[]
    const erased = new Set(rows.filter(isDeleted).map(({ request_id }) => request_id))
    for (const letter of letters.filter(({ request_id }) => !erased.has(request_id ?? ''))) {
      const old = deadLetters.get(letter.id)
      const message = isErased(letter.request_id) ? null : (letter.message ?? null)
      deadLetters.set(letter.id, old ? { ...old, message: old.message ?? message } : { ...letter, message })
    }
    for (const row of rows.filter(({ request_id }) => !erased.has(request_id))) {
      const before = requests.get(row.request_id)
      const next = before ? upserted(before, stored(row)) : stored(row)
      const after = next.erased_at === null ? next : { ...next, ...EMPTY }
      requests.set(row.request_id, after)
      onRow(before, after)
    }
    return {}
  }

  const erase = ({ entry = '{}' }: Record<string, string>) => {
    const { erased_at, ...known } = JSON.parse(entry) as JsonRow & { readonly erased_at: string }
    for (const [id, letter] of deadLetters)
      if (letter.request_id === known.request_id) deadLetters.set(id, { ...letter, message: null })
    const before = requests.get(known.request_id) ?? stored({ ...known, status: 'queued', attempts: 0 })
    requests.set(known.request_id, { ...before, ...EMPTY, erased_at: before.erased_at ?? erased_at })
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

  const Statements = new Map([
    [RECORD, record],
    [RESULT, result],
    [COMPLETED, completed],
    [ERASE, erase],
  ])

  return {
    requests,
    deadLetters,
    deletedUsers,
    execute: command => {
      if (!(command instanceof ExecuteStatementCommand)) throw new Error('this command is not modelled')
      const statement = Statements.get(command.input.sql ?? '')
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

/** Makes a stored row. Fields that the JSON does not have are null. */
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
  cost: row.cost ?? null,
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
  erased_at: null,
})

/** The columns that are empty in an erased row. */
const EMPTY = { prompt: null, prompt_key: null, result: null, result_key: null }
