import { v7 } from 'uuid'
import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../../functions/core/domain/item.ts'
import { listRequests } from '../../../../functions/reader/list-requests.ts'
import { NOW } from '../../../support/clock.ts'
import { memoryPorts } from '../../../support/ports.ts'
import { anItem } from '../../../support/requests.ts'

const USER = 'u42'
const DONE = { status: 'completed', attempt: 1, completed_at: NOW } as const

/** Stores requests of one user, oldest first. Returns them newest first, as the list should show them. */
async function given(all: readonly Partial<RequestItem>[]) {
  const ports = memoryPorts()
  const items: RequestItem[] = []
  for (const [i, fields] of all.entries())
    items.push(await ports.items.create(anItem({ user_id: USER, request_id: v7({ msecs: NOW + i }), ...fields })))
  return { ports, ids: items.map(({ request_id }) => request_id).reverse() }
}
const idsOf = ({ requests }: { requests: { request_id: string }[] }) => requests.map(({ request_id }) => request_id)

describe('listRequests', () => {
  it('lists the caller’s own requests, newest first', async () => {
    const { ports, ids } = await given([{}, {}, {}])
    await ports.items.create(anItem({ user_id: 'another' }))

    expect(idsOf(await listRequests(ports, USER, {}))).toEqual(ids)
  })

  it('lists each request once over all pages', async () => {
    const { ports, ids } = await given(Array.from({ length: 7 }, () => ({})))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await listRequests(ports, USER, { limit: '3', cursor })
      seen.push(...idsOf(page))
      cursor = page.next_cursor
    } while (cursor)

    expect(seen).toEqual(ids)
  })

  it('lists the requests of one status, and reads on if many requests have another status', async () => {
    const all = Array.from({ length: 30 }, (_, i) => (i % 10 === 0 ? { status: 'expired', completed_at: NOW } : {}))
    const { ports } = await given(all as Partial<RequestItem>[])

    const first = await listRequests(ports, USER, { status: 'expired', limit: '2' })
    const rest = await listRequests(ports, USER, { status: 'expired', limit: '2', cursor: first.next_cursor })

    expect(first.requests).toHaveLength(2)
    expect(rest.requests).toHaveLength(1)
    expect([...first.requests, ...rest.requests].every(({ status }) => status === 'expired')).toBe(true)
  })

  it('shows no tombstones, i.e. items of requests that were never accepted', async () => {
    const { ports } = await given([{ status: 'rejected', completed_at: NOW }])

    expect(await listRequests(ports, USER, {})).toEqual({ requests: [] })
  })

  it('shows a completed request without a row in Postgres as completed once its result can’t be in a queue any more', async () => {
    const twoWeeksAgo = NOW - 14 * 86_400_000
    const { ports } = await given([
      { ...DONE, completed_at: twoWeeksAgo },
      { ...DONE, completed_at: twoWeeksAgo + 1 },
    ])

    const { requests } = await listRequests(ports, USER, {})

    expect(requests.map(({ status }) => status)).toEqual(['running', 'completed'])
  })

  it('shows a request as completed only if the ledger has its result (I9)', async () => {
    const { ports, ids } = await given([DONE, DONE])
    ports.ledger.setResult(ids[0] ?? '', { inline: 'hi' })

    const { requests } = await listRequests(ports, USER, {})

    expect(requests.map(({ status }) => status)).toEqual(['completed', 'running'])
    expect(idsOf(await listRequests(ports, USER, { status: 'running' }))).toEqual([ids[1]])
  })

  it.each([
    [{ limit: '0' }, 'limit'],
    [{ limit: '101' }, 'limit'],
    [{ limit: 'x' }, 'limit'],
    [{ status: 'rejected' }, 'status'],
    [{ cursor: 'x' }, 'cursor'],
  ])('refuses the query %j, and names the wrong parameter', async (query, path) => {
    const { ports } = await given([])

    await expect(listRequests(ports, USER, query)).rejects.toMatchObject({
      code: 'invalid_request',
      details: { problems: [{ path }] },
    })
  })
})
