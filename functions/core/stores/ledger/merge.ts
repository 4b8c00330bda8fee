import type { DeadLetter, Entry, LedgerRow } from './port.ts'

/**
 * Merges entries to one row per request and one copy of each dead letter, because a statement must not see a row twice. A
 * batch often holds the `accepted` event and the outcome of the same request. The result is the same as if SQL had recorded
 * the entries one after the other.
 */
export function merge(entries: readonly Entry[]): { rows: LedgerRow[]; deadLetters: DeadLetter[] } {
  const rows = new Map<string, LedgerRow>()
  const letters = new Map<string, DeadLetter>()
  for (const { row, deadLetter } of entries) {
    const earlier = row && rows.get(row.request_id)
    if (row) rows.set(row.request_id, earlier ? combine(earlier, row) : row)
    if (deadLetter) letters.set(deadLetter.id, { ...deadLetter, ...known(letters.get(deadLetter.id) ?? {}) })
  }
  return { rows: [...rows.values()], deadLetters: [...letters.values()] }
}

function combine(earlier: LedgerRow, later: LedgerRow): LedgerRow {
  const fixed = { prompt: earlier.prompt ?? later.prompt, metadata: earlier.metadata ?? later.metadata }
  if (advances(later, earlier)) return { ...later, ...fixed }
  if (isSameStep(later, earlier)) return { ...later, ...known(earlier) }
  return { ...earlier, ...fixed }
}

/** Whether `next` is a later step of the request than `row`. */
const advances = (next: LedgerRow, row: LedgerRow): boolean =>
  next.run > row.run || (next.run === row.run && row.status === 'queued' && next.status !== 'queued')

const isSameStep = (next: LedgerRow, row: LedgerRow): boolean => next.run === row.run && next.status === row.status

/** The fields that have a value. */
const known = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
