import type { Entry, LedgerRow } from './port.ts'

/** Whether `next` is a step further than `row`: the same rule as the SQL's. */
const advances = (next: LedgerRow, row: LedgerRow): boolean =>
  next.run > row.run || (next.run === row.run && row.status === 'queued' && next.status !== 'queued')

/** `later` over `earlier`, whatever it leaves open filled from there. */
const fill = (later: LedgerRow, earlier: LedgerRow): LedgerRow => ({
  ...later,
  prompt: later.prompt ?? earlier.prompt,
  metadata: later.metadata ?? earlier.metadata,
})

/**
 * One row a request, and all dead letters once: a statement must not see a row twice. In a batch, an `accepted` event
 * and the outcome of the same request are neighbours more often than not.
 */
export function merge(entries: readonly Entry[]): {
  rows: LedgerRow[]
  deadLetters: NonNullable<Entry['deadLetter']>[]
} {
  const rows = new Map<string, LedgerRow>()
  for (const { row } of entries) {
    const other = rows.get(row.request_id)
    if (!other) rows.set(row.request_id, row)
    else rows.set(row.request_id, advances(row, other) ? fill(row, other) : fill(other, row))
  }
  const letters = entries.flatMap(({ deadLetter }) => (deadLetter ? [deadLetter] : []))
  return {
    rows: [...rows.values()],
    deadLetters: [...new Map(letters.map(letter => [letter.id, letter])).values()],
  }
}
