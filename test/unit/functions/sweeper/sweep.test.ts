import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../../functions/core/domain/item.ts'
import { reservationOf } from '../../../../functions/core/domain/item.ts'
import { AcceptedEvent } from '../../../../functions/core/domain/messages.ts'
import { STALE_RESERVATION_MS } from '../../../../functions/core/domain/timing.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../../../../functions/core/queue/names.ts'
import { sweep } from '../../../../functions/sweeper/sweep.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { type MemoryPorts, memoryPorts } from '../../../support/ports.ts'
import { anItem, newUser } from '../../../support/requests.ts'

async function reserved(ports: MemoryPorts, fields: Partial<RequestItem> = {}, isWritten = true) {
  const item = anItem({ user_id: newUser(), ...fields })
  if (isWritten) await ports.items.create(item)
  await ports.quota.reserve(reservationOf(item), { requests: 9, tokens: 99, in_flight: 9 }, NOW)
  return item
}
const openOf = async ({ quota }: MemoryPorts, item: RequestItem) =>
  (await quota.read(item.user_id, item.window, item.shard)).open.length

describe('sweep', () => {
  it('closes the reservations that crashes have left, of all users, and closes no reservation of a queued or running request', async () => {
    const ports = memoryPorts()
    const orphans = [
      await reserved(ports, {}, false),
      await reserved(ports, { status: 'completed', attempt: 1, completed_at: NOW, charge: 3 }),
      await reserved(ports, { deadline: NOW + 1 }),
    ]
    const healthy = [
      await reserved(ports),
      await reserved(ports, { status: 'running', attempt: 1, lease_until: NOW + 900_000 }),
    ]
    ports.advance(STALE_RESERVATION_MS)

    expect(await sweep(ports)).toEqual({ seen: 5, closed: 3, failed: 0, reasons: [] })

    expect(await Promise.all(orphans.map(item => openOf(ports, item)))).toEqual([0, 0, 0])
    expect(await Promise.all(healthy.map(item => openOf(ports, item)))).toEqual([1, 1])
    expect(await sweep(ports)).toMatchObject({ closed: 0 })
  })

  describe('with a first read that misses the last writes', () => {
    /** Ports whose first, cheaper read (eventually consistent) returns `stale` in place of the stored item. */
    const seeing = (ports: MemoryPorts, stale: RequestItem | undefined) => ({
      ...ports,
      items: { ...ports.items, getPossiblyStale: async () => stale },
    })

    it('if it still sees an ended request as queued, leaves the reservation for the next sweep', async () => {
      const ports = memoryPorts()
      const item = await reserved(ports, { status: 'completed', attempt: 1, completed_at: NOW, charge: 3 })
      ports.advance(STALE_RESERVATION_MS)

      expect(await sweep(seeing(ports, { ...item, status: 'queued', attempt: 0 }))).toMatchObject({ closed: 0 })
      expect(await openOf(ports, item)).toBe(1)
      expect(await sweep(ports)).toMatchObject({ closed: 1 })
      expect(await openOf(ports, item)).toBe(0)
    })

    it('counts a reservation as failed if the first read of its item fails, closes the others, and closes it in the next sweep', async () => {
      const ports = memoryPorts()
      const ended = { status: 'completed', attempt: 1, completed_at: NOW, charge: 3 } as const
      const [unread, other] = [await reserved(ports, ended), await reserved(ports, ended)]
      const items = failing(ports.items, 'getPossiblyStale', 'before', user => user === unread.user_id)
      ports.advance(STALE_RESERVATION_MS)

      expect(await sweep({ ...ports, items })).toMatchObject({ seen: 2, closed: 1, failed: 1 })

      expect(await openOf(ports, other)).toBe(0)
      expect(await sweep(ports)).toMatchObject({ seen: 1, closed: 1, failed: 0 })
    })

    it('closes a second reservation that an admission has left in another shard, although the request is still queued', async () => {
      const ports = memoryPorts()
      const item = await reserved(ports)
      const left = { ...reservationOf(item), shard: item.shard + 1 }
      await ports.quota.reserve(left, { requests: 9, tokens: 99, in_flight: 9 }, NOW)
      ports.advance(STALE_RESERVATION_MS)

      expect(await sweep(ports)).toMatchObject({ seen: 2, closed: 1 })

      expect(await openOf(ports, item)).toBe(1)
      expect((await ports.quota.read(item.user_id, item.window, left.shard)).open).toEqual([])
    })

    it.each([
      ['whose item it does not see yet', () => undefined],
      ['that it still sees with an earlier run', (item: RequestItem) => ({ ...item, run: 0, nonce: 'earlier' })],
      [
        'that it still sees as failed, before its redrive',
        (item: RequestItem) => ({ ...item, status: 'failed' as const }),
      ],
    ])('does not end a queued request %s', async (_, before) => {
      const ports = memoryPorts()
      const item = await reserved(ports)
      ports.advance(STALE_RESERVATION_MS)

      expect(await sweep(seeing(ports, before(item)))).toMatchObject({ seen: 1, closed: 0, failed: 0 })

      expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'queued' })
      expect(await openOf(ports, item)).toBe(1)
    })
  })

  it('does not read the requests of young reservations', async () => {
    const ports = memoryPorts()
    await reserved(ports, {}, false)
    ports.advance(STALE_RESERVATION_MS - 1)

    expect(await sweep(ports)).toEqual({ seen: 0, closed: 0, failed: 0, reasons: [] })
  })

  describe('with a request that still waits or runs', () => {
    const told = (ports: MemoryPorts) => ports.queue.sent(RESULTS_QUEUE).map(({ body }) => body)

    it('sends the event `accepted`, so a request that waits for minutes has a row in Postgres', async () => {
      const ports = memoryPorts()
      const item = await reserved(ports)
      ports.advance(STALE_RESERVATION_MS)

      await sweep(ports)

      expect(told(ports)).toMatchObject([{ type: 'accepted', request_id: item.request_id, run: 1 }])
      expect(AcceptedEvent.safeParse(told(ports)[0])).toMatchObject({ success: true })
    })

    it('sends `accepted` in at most two sweeps per request, and not in each sweep', async () => {
      const ports = memoryPorts()
      await reserved(ports, { status: 'running', attempt: 1, lease_until: NOW + 9e6, deadline: NOW + 9e6 })

      for (let minutes = 0; minutes < 60; minutes += 2) {
        ports.advance(120_000)
        await sweep(ports)
      }

      expect(told(ports)).toHaveLength(2)
    })

    it('counts no failure if `accepted` can’t be sent, since nothing depends on this event', async () => {
      const ports = memoryPorts()
      await reserved(ports)
      ports.advance(STALE_RESERVATION_MS)

      const swept = await sweep({ ...ports, queue: failing(ports.queue, 'send', 'before') })

      expect(swept).toMatchObject({ seen: 1, closed: 0, failed: 0 })
    })
  })

  it('sends no further `accepted` event after one could not be sent, but continues to close reservations', async () => {
    const ports = memoryPorts()
    const waiting = await Promise.all(Array.from({ length: 30 }, () => reserved(ports)))
    const later = await reserved(ports)
    const orphan = await reserved(ports, {}, false)
    ports.advance(STALE_RESERVATION_MS)
    const tried: unknown[] = []
    const send: typeof ports.queue.send = async (queue, message) => {
      const { type } = message.body as { type: string }
      tried.push(type)
      if (type === 'accepted') throw new Unavailable('the queue', new Error('timeout'))
      await ports.queue.send(queue, message)
    }
    const pages = async function* () {
      yield waiting.map(item => ({ reservation: reservationOf(item), at: NOW }))
      yield [later, orphan].map(item => ({ reservation: reservationOf(item), at: NOW }))
    }
    const quota = { ...ports.quota, openBefore: pages }

    const swept = await sweep({ ...ports, quota, queue: { ...ports.queue, send } })

    expect(swept).toMatchObject({ seen: 32, closed: 1, failed: 0 })
    // The ten `accepted` events are sent at the same time, with one call to SQS. No further `accepted` event follows.
    expect(tried).toEqual([...Array.from({ length: 10 }, () => 'accepted'), 'ended'])
    expect(await openOf(ports, orphan)).toBe(0)
  })

  it('skips a reservation that it can’t close, and tries the reservation again in the next sweep', async () => {
    const ports = memoryPorts()
    const bad = await reserved(ports, {}, false)
    const good = await reserved(ports, {}, false)
    ports.advance(STALE_RESERVATION_MS)
    const items = failing(ports.items, 'create', 'before', item => (item as RequestItem).request_id === bad.request_id)

    expect(await sweep({ ...ports, items })).toEqual({
      seen: 2,
      closed: 1,
      failed: 1,
      reasons: [expect.any(Unavailable)],
    })
    expect(await openOf(ports, good)).toBe(0)

    expect(await sweep(ports)).toMatchObject({ seen: 1, closed: 1, failed: 0 })
  })

  it('fails queued requests of a model that was removed from pipeline.yaml, and sends `ended` for the ledger', async () => {
    const ports = { ...memoryPorts(), models: ['text'] }
    const removed = await reserved(ports, { model: 'image' })
    const served = await reserved(ports, { model: 'text' })
    ports.advance(STALE_RESERVATION_MS)

    expect(await sweep(ports)).toMatchObject({ seen: 2, closed: 1, failed: 0 })

    const error = { code: 'model_removed', message: 'its model is no longer a part of the deployment' }
    expect(await ports.items.get(removed.user_id, removed.request_id)).toMatchObject({ status: 'failed', error })
    expect(ports.queue.sent('results').map(({ body }) => body)).toMatchObject([
      { type: 'ended', request_id: removed.request_id, status: 'failed', error },
      { type: 'accepted', model: 'text' },
    ])
    expect(await openOf(ports, removed)).toBe(0)
    expect(await ports.items.get(served.user_id, served.request_id)).toMatchObject({ status: 'queued' })
    expect(await openOf(ports, served)).toBe(1)
  })

  it('logs each kind of failure once per sweep, however many reservations it affects', async () => {
    const ports = memoryPorts()
    const orphans = [
      await reserved(ports, {}, false),
      await reserved(ports, {}, false),
      await reserved(ports, {}, false),
    ]
    ports.advance(STALE_RESERVATION_MS)
    const reasons = [
      new Unavailable('the requests table', new Error('denied: request 1')),
      new Unavailable('the requests table', new Error('denied: request 2')),
      new TypeError('a mistake'),
    ]
    const get = (_: string, requestId: string) =>
      Promise.reject(reasons[orphans.findIndex(({ request_id }) => request_id === requestId)])

    expect(await sweep({ ...ports, items: { ...ports.items, get } })).toEqual({
      seen: 3,
      closed: 0,
      failed: 3,
      reasons: [reasons[0], reasons[2]],
    })
  })
})
