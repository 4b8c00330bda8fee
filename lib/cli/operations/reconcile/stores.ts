import type { RequestItem } from '../../../../functions/core/domain/item.ts'
import type { RecordedRequest } from '../../../../functions/core/stores/ledger/admin.ts'
import type { QuotaItem } from '../../../../functions/core/stores/quota/admin.ts'
import type { Admin } from '../../admin.ts'
import { listDeadLetters } from '../dead-letters.ts'
import { compare } from '../reconcile.ts'
import { type Books, type Difference, hasEndedLongAgo, type QuotaOf, type Subject, type Suspect } from './books.ts'

export interface Reconciliation {
  readonly differences: readonly Difference[]
  readonly read: { readonly quotas: number; readonly items: number; readonly rows: number }
  /** The numbers of parts that could not be compared, per reason. */
  readonly untold: {
    /** Quota items of windows whose request items no longer exist, and rows whose request items no longer exist. */
    readonly forgotten: { readonly quotas: number; readonly rows: number }
    /** Quota items that could not be compared, because they changed during each further read. */
    readonly moving: number
    /** Failed requests without a dead letter. Request and dead letter are written in one statement, so the dead letter was discarded. */
    readonly without_letter: number
  }
}

/**
 * Reads the three stores and reports their differences. The system continues to work meanwhile. So the values of
 * each difference are read once more, and only a confirmed difference is reported. Changes nothing. Rejects with `Unavailable` if the service can't be reached.
 */
export async function reconcile(ports: Admin): Promise<Reconciliation> {
  const now = ports.clock()
  const books = await readBooks(ports)
  const { suspects, forgotten } = compare(books, now)
  const differences: Difference[] = []
  let moving = 0
  for (const [first, ...others] of Map.groupBy(suspects, subjectOf).values()) {
    if (!first) continue
    const again =
      first.request_id === undefined
        ? await readUser(ports, { user_id: first.user_id, ...first.quota })
        : await readRequest(ports, first)
    if (again === 'moving') moving += 1
    else differences.push(...stillThere([first, ...others], compare(again, now).suspects))
  }
  const unlettered = await withoutLetter(ports, books.items, now)
  const read = { quotas: books.quotas.length, items: books.items.length, rows: books.rows.length }
  return { differences, read, untold: { forgotten, moving, without_letter: unlettered } }
}

/**
 * Reads the counters, then the items, then the rows. An item has a charge before the counters have it. So the items,
 * which are read after the counters, have every charge in the counters. Rows are written after the items, so they are
 * read last. In another order, a change during the reads would look like a difference.
 */
async function readBooks(ports: Admin): Promise<Books> {
  const quotas = await all(ports.allQuotaItems())
  const items = await all(ports.allItems())
  const rows = await readRows(ports)
  // This is read after the rows, so that rows that are deleted during the read of the rows do not count as missing.
  return { quotas, items, rows, rows_deleted_before: await ports.erasure.deletedBefore() }
}

async function all<T>(pages: AsyncIterable<T[]>): Promise<T[]> {
  const found: T[] = []
  for await (const page of pages) found.push(...page)
  return found
}

/** The number of rows that one statement reads. More rows might exceed the Data API's limit of 1 MiB per answer. */
const PAGE = 200

async function readRows({ ledger }: Admin): Promise<RecordedRequest[]> {
  const rows: RecordedRequest[] = []
  for (let before: string | undefined; ; before = rows.at(-1)?.request_id) {
    const page = await ledger.list({ before, limit: PAGE })
    rows.push(...page)
    if (page.length < PAGE) return rows
  }
}

const subjectOf = ({ user_id, request_id, quota }: Subject): string =>
  JSON.stringify([user_id, request_id, quota?.window, quota?.shard])

const stillThere = (before: readonly Suspect[], after: readonly Suspect[]): Difference[] => {
  const wasThere = new Set(before.map(({ difference: { kind, where } }) => `${kind} ${where}`))
  return after.map(({ difference }) => difference).filter(({ kind, where }) => wasThere.has(`${kind} ${where}`))
}

/** The most further reads of a quota item. It is compared when it did not change while the items were read. */
const MAX_TRIES = 3

/**
 * Reads a quota item, and all requests of its user at the same time. Returns `moving` if the quota item changed during
 * each read.
 */
async function readUser(ports: Admin, of: QuotaOf): Promise<Books | 'moving'> {
  let before = await readQuota(ports, of)
  for (let i = 0; i < MAX_TRIES; i++) {
    const items = await readItems(ports, of.user_id)
    const after = await readQuota(ports, of)
    if (stateOf(before) === stateOf(after)) return { quotas: [after], items, rows: [] }
    before = after
  }
  return 'moving'
}

const readQuota = async ({ quota }: Admin, { user_id, window, shard }: QuotaOf): Promise<QuotaItem> => ({
  user_id,
  window,
  shard,
  ...(await quota.read(user_id, window, shard)),
})

const stateOf = ({ requests, tokens, open }: QuotaItem): string =>
  JSON.stringify([requests, tokens, open.map(({ reservation }) => reservation.nonce).sort()])

async function readItems({ items }: Admin, userId: string): Promise<RequestItem[]> {
  const found: RequestItem[] = []
  for (let before: string | undefined; ; ) {
    const page = await items.list(userId, PAGE, before)
    found.push(...page.items)
    if (page.last === undefined) return found
    before = page.last
  }
}

type RequestSubject = Extract<Subject, { request_id: string }>

/** Reads one request in all stores. The item is read twice: if it has changed in between, the reads can't be compared. */
async function readRequest(ports: Admin, { user_id, request_id, quota }: RequestSubject): Promise<Books> {
  const row = await ports.ledger.show(request_id)
  const before = await ports.items.get(user_id, request_id)
  const quotas = quota ? [await readQuota(ports, { user_id, ...quota })] : []
  const item = await ports.items.get(user_id, request_id)
  const rowsDeletedBefore = row ? undefined : await ports.erasure.deletedBefore()
  const books = { quotas, items: item ? [item] : [], rows: row ? [row] : [], rows_deleted_before: rowsDeletedBefore }
  return before?.status === item?.status && before?.run === item?.run ? books : NO_BOOKS
}

/** The result for a request that changed between two reads. It has nothing to compare, so no difference is reported. */
const NO_BOOKS: Books = { quotas: [], items: [], rows: [] }

async function withoutLetter(ports: Admin, items: readonly RequestItem[], now: number): Promise<number> {
  const letters = new Set((await listDeadLetters(ports)).map(({ request_id }) => request_id))
  const failed = items.filter(item => item.status === 'failed' && hasEndedLongAgo(item, now))
  return failed.filter(({ request_id }) => !letters.has(request_id)).length
}
