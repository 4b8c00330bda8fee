import type { DeadLetter, Entry } from './port.ts'
import { type JsonRow, toJsonRow, upserted } from './row.ts'

/**
 * Merges entries into one row per request and one dead letter per id. A batch of events often has two events of the
 * same request, such as `accepted` and `outcome`, but Postgres refuses an upsert that contains the same row twice. The
 * merged row is the row that the statement would make if it got the entries one after the other.
 */
export function merge(entries: readonly Entry[]): { rows: JsonRow[]; deadLetters: DeadLetter[] } {
  const rows = new Map<string, JsonRow>()
  const letters = new Map<string, DeadLetter>()
  for (const { row, deadLetter } of entries) {
    if (row) {
      const before = rows.get(row.request_id)
      const next = toJsonRow(row)
      rows.set(row.request_id, before ? upserted(before, next) : next)
    }
    if (deadLetter) {
      const before = letters.get(deadLetter.id)
      letters.set(deadLetter.id, before ? { ...before, message: before.message ?? deadLetter.message } : deadLetter)
    }
  }
  return { rows: [...rows.values()], deadLetters: [...letters.values()] }
}
