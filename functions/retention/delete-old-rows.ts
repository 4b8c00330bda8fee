import type { Clock } from '../core/platform/clock.ts'
import type { LedgerRetention } from '../core/stores/ledger/port.ts'

export interface RetentionPorts {
  readonly ledger: LedgerRetention
  readonly clock: Clock
}

/**
 * The most rows, and the most dead letters, that one statement deletes. That takes Postgres one or two seconds, which
 * is far from the Data API's time limit of a statement.
 */
const CHUNK = 1_000

/**
 * Deletes the rows of requests that ended more than `keep_ms` ago, one chunk after the other, until none is left or
 * `mayGoOn` returns false. The next run deletes the rest. Returns the number of rows and dead letters that were
 * deleted.
 */
export async function deleteOldRows(
  { ledger, clock }: RetentionPorts,
  keepMs: number,
  mayGoOn: () => boolean,
): Promise<number> {
  const before = clock() - keepMs
  let deleted = 0
  do {
    const chunk = await ledger.deleteEnded(before, CHUNK)
    if (chunk === 0) return deleted
    deleted += chunk
  } while (mayGoOn())
  return deleted
}
