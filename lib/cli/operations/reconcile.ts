import type { Books, Suspect } from './reconcile/books.ts'
import { counterDifferences } from './reconcile/counters.ts'
import { reservationDifferences } from './reconcile/reservations.ts'
import { rowDifferences } from './reconcile/rows.ts'

export interface Comparison {
  readonly suspects: readonly Suspect[]
  /**
   * The numbers of quota items and rows that can no longer be compared, because request items are kept for a limited
   * time.
   */
  readonly forgotten: { readonly quotas: number; readonly rows: number }
}

/**
 * Compares the stores at `now`, epoch milliseconds. The request items decide, and the counters and Postgres must agree
 * with them. Recent changes may not have reached all stores yet, and are left out.
 */
export function compare(books: Books, now: number): Comparison {
  const counters = counterDifferences(books, now)
  const rows = rowDifferences(books, now)
  return {
    suspects: [...counters.suspects, ...reservationDifferences(books, now), ...rows.suspects],
    forgotten: { quotas: counters.forgotten, rows: rows.forgotten },
  }
}
