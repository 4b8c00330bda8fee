import type { Clock } from '../core/platform/clock.ts'
import type { LedgerRetention } from '../core/stores/ledger/port.ts'

export interface RetentionPorts {
  readonly ledger: LedgerRetention
  readonly clock: Clock
}

/** Rows and dead letters that one statement deletes at most, of each: a second or two of Postgres's time. */
const CHUNK = 1_000

/**
 * Deletes what ended more than `keep_ms` ago, a chunk at a time, until nothing is left or `mayGoOn` says no. Each chunk is
 * whole, so what is left is deleted by the next run. Answers with the number of rows and dead letters. Rejects with `Unavailable`.
 */
export async function deleteOldRows(
  { ledger, clock }: RetentionPorts,
  keep_ms: number,
  mayGoOn: () => boolean,
): Promise<number> {
  const before = clock() - keep_ms
  let deleted = 0
  do {
    const chunk = await ledger.deleteEnded(before, CHUNK)
    if (chunk === 0) return deleted
    deleted += chunk
  } while (mayGoOn())
  return deleted
}
