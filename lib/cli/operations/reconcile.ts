import type { Books, Suspect } from './reconcile/books.ts'
import { counterDifferences } from './reconcile/counters.ts'
import { reservationDifferences } from './reconcile/reservations.ts'
import { rowDifferences } from './reconcile/rows.ts'

export interface Comparison {
  readonly suspects: readonly Suspect[]
  /** What can't be compared any more, since request items are kept for a limited time only. */
  readonly forgotten: { readonly quotas: number; readonly rows: number }
}

/**
 * Compares what the stores say at `now`, in epoch milliseconds. The request items decide, the counters and Postgres have
 * to follow them; what may still be on its way is left out.
 */
export function compare(books: Books, now: number): Comparison {
  const counters = counterDifferences(books, now)
  const rows = rowDifferences(books, now)
  return {
    suspects: [...counters.suspects, ...reservationDifferences(books, now), ...rows.suspects],
    forgotten: { quotas: counters.forgotten, rows: rows.forgotten },
  }
}
