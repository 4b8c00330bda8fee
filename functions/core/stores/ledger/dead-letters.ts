import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import * as z from 'zod'
import type { LedgerEnv } from '../../platform/env.ts'
import { jsonOf, millisecondsOf, rowAsJson, statementsOf } from './statements.ts'

/** A row of `dead_letters` without its message, which may be large. `at` is epoch milliseconds. */
const RecordedDeadLetter = z.object({
  /** `<request_id>:<run>`, `message:…` for an unreadable message, or `input:…` for a refused message of an input queue. */
  id: z.string(),
  request_id: z.string().nullable(),
  model: z.string().nullable(),
  reason: z.string(),
  attempts: z.int(),
  at: z.string().transform(millisecondsOf),
})
export type RecordedDeadLetter = z.infer<typeof RecordedDeadLetter>

export interface DeadLetterFilter {
  readonly model?: string | undefined
  /** Only the dead letters of this request, or the dead letter with this id. */
  readonly of?: string | undefined
  /** Only dead letters whose ids sort after this id. It is the last id of the previous page. */
  readonly after?: string | undefined
  readonly limit: number
}

/** The dead letters, for operators. All methods reject with `Unavailable`. */
export interface DeadLetters {
  /** Lists dead letters, sorted by their ids. */
  list(filter: DeadLetterFilter): Promise<RecordedDeadLetter[]>
  /** Returns the message of a dead letter, as a JSON value. Returns undefined if the dead letter has none. */
  message(id: string): Promise<unknown>
  /** Removes dead letters. Returns the ids of those that existed. */
  remove(ids: readonly string[]): Promise<string[]>
}

const CLAUSES = {
  model: 'model = :model',
  of: '(id = :of OR request_id::text = lower(:of))',
  after: 'id > :after',
} as const

/**
 * The number of characters of a message that are read with one statement. The Data API returns no row over 64 KB, and a
 * character may have 4 bytes. So a longer message is read in several parts.
 */
const PART = 15_000

const MESSAGE_PART = `SELECT substr(message::text, :from::integer, ${PART}) FROM dead_letters WHERE id = :id`
const REMOVE = 'DELETE FROM dead_letters WHERE id IN (SELECT json_array_elements_text(:ids::json)) RETURNING id'

export function rdsDataDeadLetters(client: RDSDataClient, env: LedgerEnv): DeadLetters {
  const execute = statementsOf(client, env)
  return {
    list: async filter => {
      const { sql, parameters } = listStatement(filter)
      return (await execute(sql, parameters)).map(record => RecordedDeadLetter.parse(jsonOf(record)))
    },
    message: async id => {
      let text = ''
      for (let from = 1; ; from += PART) {
        const [record] = await execute(MESSAGE_PART, { id, from })
        const part = record?.[0]?.stringValue ?? ''
        text += part
        if (part.length < PART) return text === '' ? undefined : JSON.parse(text)
      }
    },
    remove: async ids => {
      const records = await execute(REMOVE, { ids: JSON.stringify(ids) })
      return records.flatMap(([id]) => id?.stringValue ?? [])
    },
  }
}

function listStatement({ limit, ...filter }: DeadLetterFilter) {
  const asked = (['model', 'of', 'after'] as const).flatMap(name => {
    const value = filter[name]
    return value === undefined ? [] : [{ name, value }]
  })
  const where = asked.length === 0 ? '' : ` WHERE ${asked.map(({ name }) => CLAUSES[name]).join(' AND ')}`
  return {
    sql: `SELECT ${rowAsJson(Object.keys(RecordedDeadLetter.shape))} FROM dead_letters${where} ORDER BY id LIMIT :limit`,
    parameters: { ...Object.fromEntries(asked.map(({ name, value }) => [name, value])), limit },
  }
}
