import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import { openReservations } from '../../../functions/core/stores/quota/admin.ts'
import { itemsOf } from '../../../functions/core/stores/requests/admin.ts'
import { requestsOf } from '../../../lib/cli/operations/model-requests.ts'
import { openRequests } from '../../../lib/cli/operations/open-requests.ts'
import { showOverview } from '../../../lib/cli/operations/overview.ts'
import { type ListPorts, listRequests } from '../../../lib/cli/operations/requests.ts'
import { NOW } from '../../support/clock.ts'
import { anItem, newUser } from '../../support/requests.ts'
import { jsonOf } from './local-system.ts'
import { startStores } from './stores.ts'

/**
 * A request that waits or runs for less than two minutes has no row in Postgres, since the first event of most requests is
 * their outcome. The command line finds these requests by their open reservations. Otherwise an operator would not see them.
 */

const LIMITS = { requests: 1_000, tokens: 1_000_000, in_flight: 100 }
const SECOND = 1_000

let stores: Awaited<ReturnType<typeof startStores>>
beforeAll(async () => {
  stores = await startStores()
}, 60_000)
afterAll(() => stores.close())

/** Stores a request as the gateway does. */
async function admitted(fields: Partial<RequestItem> = {}): Promise<RequestItem> {
  const item = anItem({ user_id: newUser(), ...fields })
  await stores.ports.quota.reserve(reservationOf(item), LIMITS, item.created_at)
  return stores.ports.items.create(item)
}

const sluice = (line: string) => stores.at(new Date(NOW).toISOString())(line)
const json = (line: string) => jsonOf(sluice)(line)
const idsOf = (requests: readonly { request_id: string }[]) => requests.map(({ request_id }) => request_id)

describe('the command line: a request without a row in Postgres', () => {
  it('a request without a row in Postgres is shown with the fields of its item, and the reason of its wait', async () => {
    const item = await admitted({ metadata: { ticket: 7 } })

    expect(await json(`requests show ${item.request_id}`)).toMatchObject({
      request_id: item.request_id,
      user: item.user_id,
      status: 'queued',
      attempts: 0,
      estimated_tokens: item.estimate,
      waits: { because: 'queue' },
      metadata: { ticket: 7 },
    })
  })

  it('a request without a row in Postgres is listed among requests with a row, newest first, by each filter', async () => {
    const user = newUser()
    const done = await stores.admit(anItem({ user_id: user, created_at: NOW - 3 * SECOND }))
    await stores.finish(done)
    const running = await stores.start(await admitted({ user_id: user }))
    const queued = await admitted({ user_id: user })
    const [r, q, d] = [running.request_id, queued.request_id, done.request_id]
    const newestFirst = [r, q, d].sort().reverse()

    const listed = async (options: string) => idsOf(await json(`requests list --user ${user}${options}`))
    expect(await listed('')).toEqual(newestFirst)
    expect(await listed(' --status queued')).toEqual([q])
    expect(await listed(' --status running')).toEqual([r])
    expect(await listed(' --status completed')).toEqual([d])
    expect(await listed(' --model other')).toEqual([])
    expect(await listed(' --limit 2')).toEqual(newestFirst.slice(0, 2))
  })

  it('a request is listed only once if it has ended and got its row in Postgres, but its reservation is still open', async () => {
    const item = await admitted()
    await stores.finish(item)
    await stores.ports.quota.reserve(reservationOf(item), LIMITS, NOW)

    expect(await json(`requests list --user ${item.user_id}`)).toMatchObject([{ status: 'completed' }])
  })

  it('a request without a row in Postgres is not shown if it was never accepted', async () => {
    const item = await admitted()
    await stores.ports.items.reject({ ...item, status: 'rejected', completed_at: NOW })

    expect(await json(`requests list --user ${item.user_id}`)).toEqual([])
    expect((await sluice(`requests show ${item.request_id}`)).code).toBe(1)
  })

  it('a request without a row in Postgres is counted in the overview as waiting or running, and as made in the period', async () => {
    const before = await showOverview(stores.admin, '15m')
    await admitted()
    await stores.start(await admitted())

    const after = await showOverview(stores.admin, '15m')

    expect(after.now.queued - before.now.queued).toBe(1)
    expect(after.now.running - before.now.running).toBe(1)
    expect(after.made.queued - before.made.queued).toBe(2)
    const made = (parts: typeof after.parts) => parts.reduce((sum, part) => sum + part.made, 0)
    expect(made(after.parts) - made(before.parts)).toBe(2)
  })

  it('a request without a row in Postgres is shown as the request that has waited longest for its model', async () => {
    const oldest = await admitted({ model: 'plain', created_at: NOW - 90 * SECOND })
    await admitted({ model: 'plain', created_at: NOW - 10 * SECOND })
    await stores.start(await admitted({ model: 'plain', created_at: NOW - 100 * SECOND }))

    expect(await requestsOf(stores.admin, 'plain', await openRequests(stores.admin))).toMatchObject({
      oldest_waiting: { request_id: oldest.request_id, seconds: 90 },
    })
  })
})

describe('requests list', () => {
  const open = Array.from({ length: 350 }, (_, i) =>
    anItem({
      request_id: `019ab000-0000-7000-8000-${String(i).padStart(12, '0')}`,
      model: i % 100 === 0 ? 'rare' : 'text',
    }),
  )
  /** Ports of a system in which all these requests are open. Their reservations come in two pages, and not in order of age. */
  const portsWith = (listed: ListPorts['ledger']['list'] = async () => []) => {
    const asked: string[] = []
    const read: number[] = []
    const ports: ListPorts = {
      openReservations: async function* () {
        asked.push('reservations')
        for (const parity of [0, 1])
          yield open.filter((_, i) => i % 2 === parity).map(item => ({ reservation: reservationOf(item), at: NOW }))
      },
      itemsOf: async requests => {
        asked.push('items')
        read.push(requests.length)
        const ids = new Set(idsOf(requests))
        return open.filter(({ request_id }) => ids.has(request_id))
      },
      ledger: {
        list: async filter => {
          asked.push('ledger')
          return listed(filter)
        },
      },
      items: { get: async () => undefined },
    }
    return { ports, asked, read }
  }
  const newest = (n: number) => idsOf(open).reverse().slice(0, n)

  it('`requests list` reads the items of the newest requests in one call, and no further items if these are enough for the list', async () => {
    const { ports, read } = portsWith()

    expect(idsOf(await listRequests(ports, { limit: 20 }))).toEqual(newest(20))
    expect(read).toEqual([100])
  })

  it('`requests list` reads older requests as long as too few of the requests read match the filter', async () => {
    const { ports, read } = portsWith()

    const found = await listRequests(ports, { model: 'rare', limit: 2 })

    expect(idsOf(found)).toEqual([open[300]?.request_id, open[200]?.request_id])
    expect(read).toEqual([100, 100])
  })

  it.each(['completed', 'failed', 'cancelled', 'expired'] as const)(
    '`requests list` does not read open requests if it lists only requests that are %s',
    async status => {
      const { ports, asked } = portsWith()

      await listRequests(ports, { status, limit: 20 })

      expect(asked).toEqual(['ledger'])
    },
  )

  it('`requests list` reads open requests before Postgres, so a request that ends in between is not missed', async () => {
    const { ports, asked } = portsWith()

    await listRequests(ports, { limit: 20 })

    expect(asked).toEqual(['reservations', 'items', 'ledger'])
  })
})

it('requests list shows a redriven request (one that runs again) with its newer run, although its row in Postgres has the earlier run', async () => {
  const item = await admitted()
  await stores.fail(item)
  const failed = await stores.ports.items.get(item.user_id, item.request_id)
  if (!failed) throw new Error('the request has no item')
  const reservation = { ...reservationOf(failed), run: 2, nonce: 'redrive' }
  await stores.ports.quota.reserve(reservation, LIMITS, NOW)
  await stores.ports.items.redrive(failed, { reservation, deadline: NOW + 60 * SECOND })

  expect(await json(`requests list --user ${item.user_id}`)).toMatchObject([{ status: 'queued', run: 2 }])
})

it('showOverview counts a request that ends while the overview is made', async () => {
  const item = await admitted()
  const before = await showOverview(stores.admin, '15m')
  let isOver = false
  const itemsOf: typeof stores.admin.itemsOf = async requests => {
    // The request ends while the open requests are read. If the ledger was read earlier, the overview would miss the request.
    if (!isOver) await stores.finish(item)
    isOver = true
    return stores.admin.itemsOf(requests)
  }

  const after = await showOverview({ ...stores.admin, itemsOf }, '15m')

  const all = ({ made }: typeof after) => Object.values(made).reduce((sum, count) => sum + count, 0)
  expect(all(after)).toBe(all(before))
})

it('openReservations and itemsOf find all requests, even if they are more than DynamoDB returns in one read', async () => {
  const user = newUser()
  const reserved = [await admitted({ user_id: user, window: '2026-11-10' }), await admitted({ user_id: user })]
  const others = await Promise.all(
    Array.from({ length: 100 }, () => stores.ports.items.create(anItem({ user_id: user }))),
  )

  const found = []
  for await (const page of openReservations(stores.client, 'QuotaTable')) found.push(...page)
  const own = found.map(({ reservation }) => reservation).filter(({ user_id }) => user_id === user)
  const items = await itemsOf(stores.client, 'RequestsTable', [
    ...own,
    ...others,
    { user_id: user, request_id: 'none' },
  ])

  expect(idsOf(own).sort()).toEqual(idsOf(reserved).sort())
  expect(idsOf(items).sort()).toEqual(idsOf([...reserved, ...others]).sort())
})
