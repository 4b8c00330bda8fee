import { describe, expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import type { RecordedRequest } from '../../../functions/core/stores/ledger/admin.ts'
import type { QuotaItem } from '../../../functions/core/stores/quota/admin.ts'
import type { Books, Difference } from '../../../lib/cli/operations/reconcile/books.ts'
import { compare } from '../../../lib/cli/operations/reconcile.ts'
import { NOW } from '../../support/clock.ts'
import { anItem } from '../../support/requests.ts'

const SECOND = 1_000
const DAY = 86_400 * SECOND
/** The time of the comparison, five minutes after `NOW`. By then, reconcile expects that all events of `NOW` were collected. */
const LATER = NOW + 300 * SECOND

const idOf = (n: number) => `019ab000-0000-7000-8000-${String(n).padStart(12, '0')}`
const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
const ERROR = { code: 'model_error', message: 'it answered 500' }

const request = (n: number, fields: Partial<RequestItem>): RequestItem =>
  anItem({ request_id: idOf(n), nonce: `nonce-${n}`, attempt: 1, completed_at: NOW, ...fields })

const COMPLETED = request(1, { status: 'completed', charge: 7, usage: USAGE })
const RELEASED = request(2, { status: 'failed', error: ERROR })
const RUNNING = request(3, { status: 'running', completed_at: undefined })
const REDRIVEN = request(4, {
  status: 'completed',
  run: 2,
  charge: 7,
  usage: USAGE,
  holds_request: false,
  earlier: [{ window: '2026-11-22', shard: 1, tokens: 5, request: true }],
})
const CANCELLED = request(5, { status: 'cancelled', charge: 0 })
const REJECTED = request(6, { status: 'rejected', attempt: 0 })
const QUEUED = request(7, { status: 'queued', attempt: 0, completed_at: undefined })
const ITEMS = [COMPLETED, RELEASED, RUNNING, REDRIVEN, CANCELLED, REJECTED, QUEUED]

const rowOf = (item: RequestItem, fields: Partial<RecordedRequest> = {}): RecordedRequest => ({
  request_id: item.request_id,
  user_id: item.user_id,
  model: item.model,
  priority: item.priority,
  estimated_tokens: item.estimate,
  status: item.status === 'running' ? 'queued' : item.status,
  prompt_tokens: item.usage?.prompt_tokens ?? null,
  completion_tokens: item.usage?.completion_tokens ?? null,
  total_tokens: item.usage?.total_tokens ?? null,
  error: item.error ?? null,
  run: item.run,
  attempts: item.attempt,
  quota_window: item.window,
  created_at: item.created_at,
  started_at: null,
  completed_at: item.completed_at ?? null,
  deadline: item.deadline,
  ...fields,
})

const openOf = (item: RequestItem, at = NOW) => ({ reservation: reservationOf(item), at })

const today = (fields: Partial<QuotaItem> = {}): QuotaItem => ({
  user_id: 'u42',
  window: '2026-11-23',
  shard: 0,
  // The completed, the running, the cancelled and the queued request. The redriven request (it runs again after a failure)
  // does not count: its request was charged with its earlier run, in yesterday’s window.
  requests: 4,
  tokens: 7 + 10 + 7 + 0 + 10,
  open: [openOf(RUNNING), openOf(QUEUED)],
  ...fields,
})
const yesterday: QuotaItem = { ...today(), window: '2026-11-22', shard: 1, requests: 1, tokens: 5, open: [] }

const AGREEING: Books = { quotas: [yesterday, today()], items: ITEMS, rows: ITEMS.map(item => rowOf(item)) }

const TODAY = 'the quota of u42 in 2026-11-23'
const differences = (changes: Partial<Books>, now = LATER): Difference[] =>
  compare({ ...AGREEING, ...changes }, now).suspects.map(({ difference }) => difference)
const withItem = (item: RequestItem) => ITEMS.map(other => (other.request_id === item.request_id ? item : other))
const withRow = (row: RecordedRequest) =>
  AGREEING.rows.map(other => (other.request_id === row.request_id ? row : other))
const without = <T extends { request_id: string }>(list: readonly T[], { request_id }: RequestItem): T[] =>
  list.filter(one => one.request_id !== request_id)

it('reconcile finds no difference if the stores agree', () => {
  expect(compare(AGREEING, LATER)).toEqual({ suspects: [], forgotten: { quotas: 0, rows: 0 } })
})

describe('reconcile: the counters of a quota item', () => {
  it.each([
    ['a token too many', { tokens: 35 }, { kind: 'tokens', where: TODAY, expected: 34, found: 35 }],
    ['a token too few', { tokens: 33 }, { kind: 'tokens', where: TODAY, expected: 34, found: 33 }],
    ['a request too many', { requests: 5 }, { kind: 'requests', where: TODAY, expected: 4, found: 5 }],
  ] as const)('the counters of a quota item are reported if they have %s', (_, fields, difference) => {
    expect(differences({ quotas: [yesterday, today(fields)] })).toEqual([difference])
  })

  it('the counters of a quota item are also reported as negative if they are below zero', () => {
    expect(differences({ quotas: [yesterday, today({ tokens: -1 })] })).toEqual([
      { kind: 'negative', where: `tokens in ${TODAY}`, expected: 'at least 0', found: -1 },
      { kind: 'tokens', where: TODAY, expected: 34, found: -1 },
    ])
  })

  it('the counters of a quota item are checked in the window of an earlier run, too: they must contain the charge of that run', () => {
    expect(differences({ quotas: [{ ...yesterday, tokens: 0 }, today()] })).toEqual([
      { kind: 'tokens', where: 'the quota of u42 in 2026-11-22, shard 1', expected: 5, found: 0 },
    ])
  })

  it('the counters of a quota item are reported as missing if there are charges without a quota item', () => {
    expect(differences({ quotas: [today()] })).toEqual([
      { kind: 'requests', where: 'the quota of u42 in 2026-11-22, shard 1', expected: 1, found: 0 },
      { kind: 'tokens', where: 'the quota of u42 in 2026-11-22, shard 1', expected: 5, found: 0 },
    ])
  })

  it('the counters of a quota item are not reported for a request that has just ended and is not settled yet', () => {
    const settling = today({ tokens: 34 - 7 + 10, open: [...today().open, openOf(COMPLETED)] })

    expect(
      differences({ quotas: [yesterday, settling], items: withItem({ ...COMPLETED, completed_at: LATER }) }),
    ).toEqual([])
  })

  it('if a window is so old that DynamoDB may have deleted its request items, the counters are not compared: the window is counted as forgotten, and is no difference', () => {
    const { suspects, forgotten } = compare({ quotas: [today({ tokens: 999 })], items: [], rows: [] }, NOW + 91 * DAY)

    expect(suspects.map(({ difference }) => difference.kind)).not.toContain('tokens')
    expect(forgotten.quotas).toBe(1)
  })

  it('the counters of a quota item are not compared for a window that has the row of a redriven request without an item', () => {
    const old = { ...rowOf(COMPLETED), created_at: LATER - 91 * DAY }

    expect(compare({ quotas: [today()], items: [], rows: [old] }, LATER).forgotten).toEqual({ quotas: 1, rows: 1 })
  })
})

describe('reconcile: an open reservation', () => {
  const where = (item: RequestItem) => `request ${item.request_id} of u42, run ${item.run}, in ${TODAY}`
  const expected = 'a request that waits or runs under this reservation'

  it('an open reservation is reported if its request ended long ago', () => {
    const open = today({ tokens: 34 - 7 + 10, open: [...today().open, openOf(COMPLETED)] })

    expect(differences({ quotas: [yesterday, open] })).toEqual([
      { kind: 'reservation', where: where(COMPLETED), expected, found: 'a request that is completed' },
    ])
  })

  it('an open reservation is reported if its request does not exist', () => {
    const orphan = request(8, {})
    const open = today({ tokens: 44, requests: 5, open: [...today().open, openOf(orphan)] })

    expect(differences({ quotas: [yesterday, open] })).toEqual([
      { kind: 'reservation', where: where(orphan), expected, found: 'no request item' },
    ])
  })

  it('an open reservation is reported if its nonce (the id of the reservation) is not the nonce in the item of its request', () => {
    const other = { ...QUEUED, nonce: 'other' }
    const open = today({ tokens: 44, requests: 5, open: [...today().open, openOf(other)] })

    expect(differences({ quotas: [yesterday, open] })).toEqual([
      {
        kind: 'reservation',
        where: where(QUEUED),
        expected,
        found: `an item of run 1 in ${TODAY}, whose reservation is nonce-7 and not other`,
      },
    ])
  })

  it('an open reservation is not reported if it has no request item, but is so young that the item may still be written', () => {
    const orphan = request(8, {})
    const open = today({ tokens: 44, requests: 5, open: [...today().open, openOf(orphan, LATER - 60 * SECOND)] })

    expect(differences({ quotas: [yesterday, open] })).toEqual([])
  })

  it('a queued request without a reservation is reported', () => {
    const missing = today({ tokens: 24, requests: 3, open: [openOf(RUNNING)] })

    expect(differences({ quotas: [yesterday, missing] })).toEqual([
      {
        kind: 'unreserved',
        where: `request ${QUEUED.request_id} of u42, run 1`,
        expected: `an open reservation in ${TODAY}`,
        found: 'none, although it is queued',
      },
    ])
  })
})

describe('reconcile: a row in Postgres', () => {
  const where = (item: RequestItem) => `request ${item.request_id} of u42`

  it.each<[string, RecordedRequest, string, string]>([
    ['the status', rowOf(COMPLETED, { status: 'failed' }), 'status completed', 'status failed'],
    ['the run', rowOf(COMPLETED, { run: 2 }), 'run 1', 'run 2'],
    ['the attempts', rowOf(COMPLETED, { attempts: 3 }), 'attempts 1', 'attempts 3'],
    ['the usage', rowOf(COMPLETED, { total_tokens: 8 }), 'usage 3 + 4 = 7 tokens', 'usage 3 + 4 = 8 tokens'],
    ['a lost usage', rowOf(COMPLETED, { total_tokens: null }), 'usage 3 + 4 = 7 tokens', 'usage none'],
    ['the error', rowOf(RELEASED, { error: { code: 'other', message: '' } }), 'error model_error', 'error other'],
    [
      'several values at once',
      rowOf(COMPLETED, { status: 'queued', attempts: 0 }),
      'status completed, attempts 1',
      'status queued, attempts 0',
    ],
    [
      'the status, for a request that was never accepted',
      rowOf(REJECTED, { status: 'queued' }),
      'status rejected',
      'status queued',
    ],
    [
      'the status, because the row is ahead of the item',
      rowOf(RUNNING, { status: 'failed' }),
      'status running, run 1',
      'status failed, run 1',
    ],
  ])('a row in Postgres is reported if it differs in %s', (_, row, expected, found) => {
    expect(differences({ rows: withRow(row) })).toEqual([
      { kind: 'row', where: `request ${row.request_id} of u42`, expected, found },
    ])
  })

  it('a request that has ended long ago and has no row in Postgres is reported', () => {
    expect(differences({ rows: without(AGREEING.rows, CANCELLED) })).toEqual([
      { kind: 'row', where: where(CANCELLED), expected: 'a row that says cancelled', found: 'no row' },
    ])
  })

  it('a row in Postgres is reported if its request has no item', () => {
    expect(differences({ items: without(ITEMS, RELEASED) })).toEqual([
      { kind: 'item', where: where(RELEASED), expected: 'a request item', found: 'none, but a row that says failed' },
    ])
  })

  it('a request that runs, has just ended or was never accepted needs no row in Postgres', () => {
    const justEnded = { ...COMPLETED, completed_at: LATER - 60 * SECOND }
    const rows = [justEnded, RUNNING, REJECTED].reduce((left, item) => without(left, item), [...AGREEING.rows])

    expect(differences({ items: withItem(justEnded), rows })).toEqual([])
  })

  it('a row in Postgres is not reported if its request has no item, but is so young that reconcile may have read the items before it', () => {
    const young = rowOf(request(8, {}), { created_at: LATER - 60 * SECOND })

    expect(differences({ rows: [...AGREEING.rows, young] })).toEqual([])
  })
})
