import * as z from 'zod'
import { RequestError } from '../core/domain/errors.ts'
import { RequestId } from '../core/domain/ids.ts'
import { type RequestItem, Status } from '../core/domain/item.ts'
import { check } from '../core/domain/problems.ts'
import { isPastRecording, type RequestView, toView, unfinished } from '../core/lifecycle/view-request.ts'
import type { ReaderPorts } from './ports.ts'

export interface RequestPage {
  readonly requests: RequestView[]
  /** Absent on the last page. */
  readonly next_cursor?: string
}

const MAX_LIMIT = 100
const DEFAULT_LIMIT = 20

const Query = z.object({
  status: Status.exclude(['rejected']).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  cursor: RequestId.optional(),
})

/**
 * The most pages that are read for one answer, if the filter by status removes most of their items. After them, the
 * answer has fewer requests than `limit`, and a `next_cursor`. So a call does not read all items of a user.
 */
const READS = 10

/**
 * Returns the caller's own requests, newest first, without their results. `cursor` is the `next_cursor` of the page
 * before. Throws `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached.
 */
export async function listRequests(
  ports: ReaderPorts,
  userId: string,
  query: Record<string, string | undefined>,
): Promise<RequestPage> {
  const { status, limit, cursor } = parse(query)
  const found: RequestItem[] = []
  let before = cursor
  for (let read = 0; read < READS; read++) {
    const page = await ports.items.list(userId, limit + 1, before)
    const shown = await settled(ports, page.items)
    found.push(
      ...shown.filter(item => item.status !== 'rejected' && !item.erased && (!status || item.status === status)),
    )
    before = page.last
    if (before === undefined || found.length > limit) break
  }
  const requests = found.slice(0, limit)
  const next = found.length > limit ? requests.at(-1)?.request_id : before
  return { requests: requests.map(toView), ...(next === undefined ? {} : { next_cursor: next }) }
}

/**
 * Returns the items as their owner may see them. An item is shown as completed only if the ledger has its result, or
 * had it before its row was deleted (I9). Otherwise a client would see `completed` and then find no result.
 */
async function settled({ ledger, clock }: ReaderPorts, items: readonly RequestItem[]): Promise<RequestItem[]> {
  const now = clock()
  const isOpen = (item: RequestItem) => item.status === 'completed' && !isPastRecording(item, now)
  const completed = items.filter(isOpen).map(item => item.request_id)
  const recorded = completed.length === 0 ? new Set() : await ledger.completed(completed)
  return items.map(item => (isOpen(item) && !recorded.has(item.request_id) ? unfinished(item) : item))
}

function parse(query: Record<string, string | undefined>): z.infer<typeof Query> {
  const checked = check(Query, query)
  if ('data' in checked) return checked.data
  const { problems } = checked
  const [first] = problems
  throw new RequestError('invalid_request', `\`${first?.path}\` ${first?.message}`, { problems })
}
