import type { StoredRow } from '../models/rds-data.ts'
import { callsOf, type Known } from './known.ts'

/** Checks a recorded row: it agrees with its request item, and a completed row has the result of its own last attempt (I2, I7, I9). */
export function checkRow(known: Known, before: StoredRow | undefined, after: StoredRow): void {
  const item = known.items.get(after.request_id)
  const fail = (rule: string) =>
    known.world.violate(`${rule}: row ${after.request_id} ${show(before)} → ${show(after)}, item ${item?.status}`)

  if (before && (after.run < before.run || (after.run === before.run && regresses(before, after))))
    fail('I2 a row goes back')
  if (after.status === 'queued') return
  if (!item || item.run < after.run || (item.run === after.run && item.status !== after.status))
    fail('I2 a row says what its item does not')
  if (after.status !== 'completed' || after.erased_at !== null) return
  const mark = markOf(known, after)
  const call = callsOf(known, after.request_id, after.run).findLast(({ attempt }) => attempt === after.attempts)
  if (mark === undefined) fail('I9 completed without a result')
  else if (mark !== call?.mark) fail('I7 the result of another attempt')
}

const show = (row: StoredRow | undefined) => (row ? `${row.status} run ${row.run}` : 'absent')
const regresses = (before: StoredRow, after: StoredRow) => before.status !== 'queued' && after.status !== before.status

/** The mark (a unique text) in a row's result. It shows from which call to the model the result came. */
export function markOf({ s3 }: Known, { result, result_key }: StoredRow): string | undefined {
  if (typeof result === 'string') return JSON.parse(result).mark
  const text = result_key === null ? undefined : s3.text(result_key)
  return text && JSON.parse(text).mark
}
