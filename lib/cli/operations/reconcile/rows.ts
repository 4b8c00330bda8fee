import { isTerminal, type RequestItem } from '../../../../functions/core/domain/item.ts'
import { ITEM_RETENTION_MS } from '../../../../functions/core/domain/timing.ts'
import type { RecordedRequest } from '../../../../functions/core/stores/ledger/admin.ts'
import {
  type Books,
  type Difference,
  hasEndedLongAgo,
  isStale,
  requestKey,
  requestText,
  type Suspect,
} from './books.ts'

/**
 * Checks that each request that has ended has a row with the same end, run, attempts, usage and error, and that each row has a
 * request item. A row that was deleted because of its age is no difference. Rows are kept longer than items: `forgotten` counts
 * the rows whose items are gone.
 */
export function rowDifferences(
  { items, rows, rows_deleted_before = Number.NEGATIVE_INFINITY }: Books,
  now: number,
): { suspects: Suspect[]; forgotten: number } {
  const itemOf = new Map(items.map(item => [requestKey(item), item]))
  const rowOf = new Map(rows.map(row => [requestKey(row), row]))
  const alone = rows.filter(row => !itemOf.has(requestKey(row)))
  const isForgotten = (row: RecordedRequest) => row.created_at <= now - ITEM_RETENTION_MS
  const orphans = alone.filter(row => isStale(row.created_at, now) && !isForgotten(row))
  return {
    suspects: [
      ...items.flatMap(item => {
        const row = rowOf.get(requestKey(item))
        const isDeleted =
          !row && isTerminal(item.status) && (item.completed_at ?? item.created_at) < rows_deleted_before
        return isDeleted ? [] : rowDifference(item, row, now)
      }),
      ...orphans.map(row =>
        suspect(row, { kind: 'item', expected: 'a request item', found: `none, but a row that says ${row.status}` }),
      ),
    ],
    forgotten: alone.filter(isForgotten).length,
  }
}

function rowDifference(item: RequestItem, row: RecordedRequest | undefined, now: number): Suspect[] {
  if (!isTerminal(item.status)) return row ? ahead(item, row) : []
  if (!hasEndedLongAgo(item, now)) return []
  // A rejected request has a row only if the event `accepted` was sent for it before.
  if (item.status === 'rejected') return row && row.status !== 'rejected' ? [unequal(item, row, ['status'])] : []
  if (!row) return [suspect(item, { kind: 'row', expected: `a row that says ${item.status}`, found: 'no row' })]
  const differing = FACTS.filter(fact => ofItem(item)[fact] !== ofRow(row)[fact])
  return differing.length > 0 ? [unequal(item, row, differing)] : []
}

/**
 * Finds a row that is newer than its item. A row may have an older state of a request that waits or runs. But
 * no row may say that such a request has ended, or is in a later run.
 */
function ahead(item: RequestItem, row: RecordedRequest): Suspect[] {
  const isAhead = row.run > item.run || (row.run === item.run && row.status !== 'queued')
  return isAhead ? [unequal(item, row, ['status', 'run'])] : []
}

type Fact = 'status' | 'run' | 'attempts' | 'usage' | 'error'
const FACTS: readonly Fact[] = ['status', 'run', 'attempts', 'usage', 'error']

const ofItem = ({ status, run, attempt, usage, error }: RequestItem): Record<Fact, string> => ({
  status,
  run: String(run),
  attempts: String(attempt),
  usage: usage ? usageText(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) : 'none',
  error: error?.code ?? 'none',
})

const ofRow = (row: RecordedRequest): Record<Fact, string> => ({
  status: row.status,
  run: String(row.run),
  attempts: String(row.attempts),
  usage: row.total_tokens === null ? 'none' : usageText(row.prompt_tokens, row.completion_tokens, row.total_tokens),
  error: row.error?.code ?? 'none',
})

type Count = number | null | undefined

const usageText = (prompt: Count, completion: Count, total: number): string =>
  `${prompt ?? '?'} + ${completion ?? '?'} = ${total} tokens`

const unequal = (item: RequestItem, row: RecordedRequest, facts: readonly Fact[]): Suspect => {
  const say = (of: Record<Fact, string>) => facts.map(fact => `${fact} ${of[fact]}`).join(', ')
  return suspect(item, { kind: 'row', expected: say(ofItem(item)), found: say(ofRow(row)) })
}

const suspect = (of: Pick<RequestItem, 'user_id' | 'request_id'>, difference: Omit<Difference, 'where'>): Suspect => ({
  difference: { where: requestText(of), ...difference },
  user_id: of.user_id,
  request_id: of.request_id,
})
