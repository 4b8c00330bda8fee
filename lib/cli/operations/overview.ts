import { isTerminal, type RequestItem, type Status } from '../../../functions/core/domain/item.ts'
import type { ActivityCount, OpenRequest } from '../../../functions/core/stores/ledger/activity.ts'
import type { Admin } from '../admin.ts'
import { type OpenPorts, openRequests } from './open-requests.ts'

/** The time spans that an overview can have, with the length of their parts, in milliseconds. */
export const SPANS = {
  '15m': { span_ms: 15 * 60_000, part_ms: 15_000 },
  '1h': { span_ms: 60 * 60_000, part_ms: 60_000 },
  '24h': { span_ms: 24 * 60 * 60_000, part_ms: 20 * 60_000 },
} as const
export type Span = keyof typeof SPANS

/** The requests that were made in one part of the span. */
export interface OverviewPart {
  /** The start of the part. ISO 8601. */
  readonly at: string
  readonly made: number
  readonly completed: number
  readonly failed: number
  /**
   * Half of the completed requests took at most `p50_ms` from their creation to their end, in milliseconds. 95% of them
   * took at most `p95_ms`.
   */
  readonly p50_ms?: number | undefined
  readonly p95_ms?: number | undefined
}

/**
 * The current state, and the outcomes of the requests that were made in a time span. A request that begins or ends
 * while the overview is made may be counted twice, but no earlier request is left out.
 */
export interface Overview {
  /** ISO 8601, like `since`. */
  readonly at: string
  readonly now: {
    readonly queued: number
    readonly running: number
    readonly dead_letters: number
  }
  readonly since: string
  /**
   * The number of requests that were made from `since` on, per status in the ledger. A request without a row counts as
   * queued.
   */
  readonly made: Readonly<Record<Exclude<Status, 'rejected' | 'running'>, number>>
  readonly part_ms: number
  /** Oldest first. A part without requests has zeros. */
  readonly parts: readonly OverviewPart[]
}

type Ports = Pick<Admin, 'activity' | 'statusesOf' | 'clock'> & OpenPorts

/** Makes the overview of a time span that ends now. Rejects with `Unavailable` if the service can't be reached. */
export async function showOverview(ports: Ports, span: Span): Promise<Overview> {
  const { span_ms, part_ms } = SPANS[span]
  const now = ports.clock()
  // The first part begins at a multiple of `part_ms`, so that the parts have the same bounds in the next overview.
  const since = Math.floor((now - span_ms) / part_ms + 1) * part_ms
  // The order is important: the open requests are read first. A request that ends after that is counted from its row. In
  // the other order, it would not be counted at all.
  const items = (await openRequests(ports)).filter(({ status }) => !isTerminal(status))
  const [recorded, open, deadLetters] = await Promise.all([
    ports.activity.counts(since, part_ms),
    readOpen(ports, items),
    ports.activity.countDeadLetters(),
  ])
  const counts = [...recorded, ...unrecorded(open, since, part_ms)]
  return {
    at: new Date(now).toISOString(),
    now: { queued: open.queued, running: open.running, dead_letters: deadLetters },
    since: new Date(since).toISOString(),
    made: {
      queued: sumOf(counts, 'queued'),
      completed: sumOf(counts, 'completed'),
      failed: sumOf(counts, 'failed'),
      cancelled: sumOf(counts, 'cancelled'),
      expired: sumOf(counts, 'expired'),
    },
    part_ms,
    parts: partsOf(counts, since, now, part_ms),
  }
}

interface Open {
  readonly queued: number
  readonly running: number
  /** The creation time of each request without a row, in epoch milliseconds. */
  readonly unrecorded: readonly number[]
}

/**
 * Counts the waiting and the running requests, by the statuses in their items. Rows do not show this: most of these
 * requests have no row yet, and the row of a running request has the status queued, too.
 */
async function readOpen(ports: Ports, items: readonly RequestItem[]): Promise<Open> {
  const rows = await recordedOpen(ports)
  const seen = new Set(items.map(({ request_id }) => request_id))
  const others = await ports.statusesOf([...rows.values()].filter(({ request_id }) => !seen.has(request_id)))
  const statuses = [...items.map(({ status }) => status), ...others.values()]
  return {
    queued: statuses.filter(status => status === 'queued').length,
    running: statuses.filter(status => status === 'running').length,
    unrecorded: items.filter(({ request_id }) => !rows.has(request_id)).map(({ created_at }) => created_at),
  }
}

/** The number of open requests that one statement reads. More might exceed the Data API's limit of 1 MiB per answer. */
const PAGE = 4_000

async function recordedOpen({ activity }: Ports): Promise<ReadonlyMap<string, OpenRequest>> {
  const rows = new Map<string, OpenRequest>()
  for (let after: string | undefined; ; ) {
    const page: OpenRequest[] = await activity.open(after, PAGE)
    for (const row of page) rows.set(row.request_id, row)
    if (page.length < PAGE) return rows
    after = page.at(-1)?.request_id
  }
}

const unrecorded = ({ unrecorded: made }: Open, since: number, partMs: number): ActivityCount[] =>
  [
    ...Map.groupBy(
      made.filter(at => at >= since),
      at => Math.floor(at / partMs) * partMs,
    ),
  ].map(([at, of]) => ({
    at,
    status: 'queued',
    count: of.length,
    p50_ms: null,
    p95_ms: null,
  }))

const sumOf = (counts: readonly ActivityCount[], status: Status): number =>
  counts.reduce((sum, found) => sum + (found.status === status ? found.count : 0), 0)

function partsOf(counts: readonly ActivityCount[], since: number, now: number, partMs: number): OverviewPart[] {
  const byPart = Map.groupBy(counts, ({ at }) => at)
  return Array.from({ length: Math.floor((now - since) / partMs) + 1 }, (_, index) => {
    const at = since + index * partMs
    const found = byPart.get(at) ?? []
    const completed = found.find(({ status }) => status === 'completed')
    return {
      at: new Date(at).toISOString(),
      made: found.reduce((sum, { count }) => sum + count, 0),
      completed: completed?.count ?? 0,
      failed: sumOf(found, 'failed'),
      p50_ms: rounded(completed?.p50_ms),
      p95_ms: rounded(completed?.p95_ms),
    }
  })
}

const rounded = (ms: number | null | undefined): number | undefined =>
  ms === null || ms === undefined ? undefined : Math.round(ms)
