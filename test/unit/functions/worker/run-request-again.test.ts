import { describe, expect, it } from 'vitest'
import { claimIdOf } from '../../../../functions/core/domain/claim.ts'
import { type RequestItem, reservationOf } from '../../../../functions/core/domain/item.ts'
import { InferenceMessage } from '../../../../functions/core/domain/messages.ts'
import { ITEM_GRACE_MS } from '../../../../functions/core/domain/timing.ts'
import { RESULTS_QUEUE } from '../../../../functions/core/queue/names.ts'
import { bodyKey } from '../../../../functions/core/stores/payloads/names.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aRetry, failure } from '../../../support/failures.ts'
import { aMessage, anItem, asReceived, newUser } from '../../../support/requests.ts'

import { aWorker, LEASE, oneCallAtATime, stopping } from '../../../support/worker.ts'

describe('a worker: a message that is redelivered, or arrives at the wrong time', () => {
  it.each(['completed', 'failed', 'cancelled', 'expired', 'rejected'] as const)(
    'is dropped if its request is %s',
    async status => {
      const { ports, asked, outcomes, deferred, run } = aWorker()
      const item = await ports.items.create(anItem({ status, attempt: 1 }))

      await run(item)

      expect([asked, outcomes(), deferred()]).toEqual([[], [], []])
    },
  )

  it.each([{ run: 2 }, { fingerprint: 'e'.repeat(64) }])(
    'a message is dropped if it belongs to another run or body of the request (%j)',
    async now => {
      const { ports, asked, outcomes, deferred, run } = aWorker()
      const item = anItem()
      await ports.items.create({ ...item, ...now })

      await run(item)

      expect([asked, outcomes(), deferred()]).toEqual([[], [], []])
    },
  )

  it.each([
    { what: 'another worker’s lease', fields: { status: 'running', attempt: 1, lease_until: NOW + 30_001 }, delay: 31 },
    { what: 'a backoff', fields: { attempt: 1, not_before: NOW + 5_000 }, delay: 5 },
    { what: 'a lease that ends at once', fields: { status: 'running', attempt: 1, lease_until: NOW + 1 }, delay: 1 },
    {
      what: 'a lease longer than a queue can wait',
      fields: { status: 'running', attempt: 1, lease_until: NOW + 3_600_000 },
      delay: 900,
    },
  ] as const)(
    'a message is sent again with a delay until the end of $what, and uses up no attempt (I8)',
    async ({ fields, delay }) => {
      const { ports, asked, deferred, run } = aWorker()
      const item = await ports.items.create(anItem(fields))

      await run(item)

      expect(asked).toEqual([])
      expect(deferred()).toMatchObject([{ group: 'u42', delay_seconds: delay }])
      expect(deferred()[0]?.body).toEqual(asReceived(aMessage(item)))
      expect(await ports.items.get(item.user_id, item.request_id)).toEqual(item)
    },
  )

  it.each(['cancelled', 'expired', 'rejected'] as const)(
    'a message is dropped if its request is %s and its body was deleted, even if the store does not report the deletion',
    async status => {
      const { ports, asked, invoke } = aWorker()
      const item = await ports.items.create(anItem({ status }))
      const message = { ...aMessage(item), body: { key: bodyKey(item) } }

      expect(await invoke([message])).toEqual([])
      expect(await invoke([message], { ...ports, payloads: failing(ports.payloads, 'get', 'before') })).toEqual([])
      expect(asked).toEqual([])
    },
  )

  it('a message is redelivered if its body can’t be read and its request still needs a call', async () => {
    const { ports, invoke } = aWorker()
    const item = await ports.items.create(anItem())

    expect(await invoke([{ ...aMessage(item), body: { key: bodyKey(item) } }])).toEqual([0])
    expect(await ports.items.get(item.user_id, item.request_id)).toEqual(item)
  })

  it('a message is not acknowledged if it must be deferred but can’t be sent', async () => {
    const { ports, run } = aWorker()
    const item = await ports.items.create(anItem({ not_before: NOW + 5_000 }))

    expect(await run(item, { ...ports, queue: failing(ports.queue, 'send', 'before') })).toEqual([0])
  })

  it('a message after its deadline makes its request expire, with an `ended` event and without a charge', async () => {
    const { ports, asked, run } = aWorker()
    const item = await ports.items.create(anItem({ user_id: newUser(), deadline: NOW }))
    await ports.quota.reserve(reservationOf(item), { requests: 9, tokens: 99, in_flight: 9 }, NOW)

    await run(item)

    expect(asked).toEqual([])
    expect(ports.queue.sent(RESULTS_QUEUE)).toMatchObject([{ body: { type: 'ended', status: 'expired' } }])
    expect(await ports.quota.read(item.user_id, item.window, 0)).toEqual({ requests: 0, tokens: 0, open: [] })
  })
})

describe('a worker: a message whose request changes while the worker decides about it', () => {
  it('is deferred by 1 s if its request was about to expire and is cancelled at the same time', async () => {
    const { ports, deferred, run } = aWorker()
    const item = await ports.items.create(anItem({ deadline: NOW }))
    const expire: WorkerPorts['items']['expire'] = async (seen, now) => {
      await ports.items.cancel(seen, now)
      return ports.items.expire(seen, now)
    }

    expect(await run(item, { ...ports, items: { ...ports.items, expire } })).toEqual([])

    expect(deferred()).toMatchObject([{ body: { request_id: item.request_id }, delay_seconds: 1 }])
  })

  it('a message is deferred by 1 s if its item is written just before the worker would write a tombstone (which rejects the request)', async () => {
    const { ports, deferred, run } = aWorker()
    const item = anItem()
    ports.advance(ITEM_GRACE_MS)
    const create: WorkerPorts['items']['create'] = async tombstone => {
      await ports.items.create(item)
      return ports.items.create(tombstone)
    }

    expect(await run(item, { ...ports, items: { ...ports.items, create } })).toEqual([])

    expect(deferred()).toMatchObject([{ body: { request_id: item.request_id }, delay_seconds: 1 }])
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'queued' })
  })

  it('a message is deferred by 1 s if its claim was refused but its request can be claimed a moment later', async () => {
    const { ports, deferred, run } = aWorker()
    const item = await ports.items.create(anItem({ not_before: NOW + 1 }))
    const claim: WorkerPorts['items']['claim'] = async (message, terms) => {
      const refused = await ports.items.claim(message, terms)
      ports.advance(1)
      return refused
    }

    expect(await run(item, { ...ports, items: { ...ports.items, claim } })).toEqual([])

    expect(deferred()).toMatchObject([{ body: { request_id: item.request_id }, delay_seconds: 1 }])
  })
})

describe('a worker: a request whose earlier worker crashed', () => {
  const abandoned = { status: 'running', attempt: 1, started_at: NOW - 9, lease_until: NOW } as const

  /** A request whose worker has crashed while it ran only this request. `crashes` is the number of its earlier crashes. */
  async function abandonedAlone({ items }: Pick<WorkerPorts, 'items'>, crashes: number): Promise<RequestItem> {
    const item = await items.create(anItem({ attempt: crashes, crashes }))
    await items.claim(aMessage(item), { claim_id: claimIdOf('gone', true), now: NOW - 9, lease_until: NOW })
    return item
  }

  it('runs again, and the crash is counted, if the crashed worker ran only this request', async () => {
    const { ports, asked, outcomes, run } = aWorker()
    const item = await abandonedAlone(ports, 0)

    await run(item)

    expect(asked).toMatchObject([{ body: { attempt: 2 } }])
    expect(outcomes()).toMatchObject([{ attempt: 2, status: 'completed' }])
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ crashes: 1, attempt: 2 })
  })

  it('a request fails at the third crash of its worker, without a further call', async () => {
    const { ports, asked, outcomes, run } = aWorker()
    const item = await abandonedAlone(ports, 2)

    await run(item)

    expect(asked).toEqual([])
    expect(outcomes()).toMatchObject([
      { attempt: 3, status: 'failed', reached: true, error: { code: 'worker_crashed' }, message: expect.anything() },
    ])
    expect(outcomes()[0]?.error?.message).toContain('3 times')
  })

  it('if an operator stopped the local system while a request ran, the request runs again beside other requests, and no crash is counted', async () => {
    const { ports, asked, stored, invoke, create, deferred } = aWorker()
    const [item, other] = [await create(), await create()]
    const isolated = { ...aMessage(item), hints: { alone: true } }
    await invoke([isolated], stopping(ports))
    for (let stops = 1; stops <= 4; stops++) {
      await ports.items.noteStop((await stored(item)) ?? item, ports.clock())
      await invoke([isolated], stopping(ports))
    }
    await ports.items.noteStop((await stored(item)) ?? item, ports.clock())

    await invoke([aMessage(item), aMessage(other)])

    expect(asked.map(({ requestId }) => requestId).sort()).toEqual([item.request_id, other.request_id].sort())
    expect(deferred()).toEqual([])
    expect(await stored(item)).toMatchObject({ crashes: 0, attempt: 6 })
  })

  it('an attempt that a stop has interrupted counts, and is repeated even if no attempt is left; a failed call then ends the request', async () => {
    const { ports, asked, stored, run, create, outcomes } = aWorker(failure(), { retry: aRetry({ attempts: 3 }) })
    const item = await create()
    for (let stops = 1; stops <= 4; stops++) {
      await run(item, stopping(ports))
      await ports.items.noteStop((await stored(item)) ?? item, ports.clock())
    }

    await run(item)

    expect(asked).toHaveLength(1)
    expect(outcomes()).toMatchObject([{ attempt: 5, status: 'failed', error: { code: 'model_error' } }])
  })

  it('a request runs again, and no crash is counted, if its crashed worker ran several requests', async () => {
    const { ports, outcomes, invoke, run } = aWorker()
    const items = await Promise.all([1, 2, 3].map(() => ports.items.create(anItem())))
    await invoke(
      items.map(item => aMessage(item)),
      stopping(ports),
    )
    ports.advance(LEASE - NOW)

    for (const item of items) await run(item)

    expect(outcomes()).toMatchObject(items.map(() => ({ attempt: 2, status: 'completed' })))
    for (const item of items) expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ crashes: 0 })
  })

  it('a request that crashes each of its workers runs once with other requests and three times isolated (alone in its environment), and then fails', async () => {
    const { ports, outcomes, deferred, invoke } = aWorker()
    const [bad, good] = await Promise.all([1, 2].map(() => ports.items.create(anItem())))
    const messages = [bad, good].map(item => aMessage(item as RequestItem))
    await invoke(messages, stopping(ports))
    ports.advance(LEASE - NOW)
    await invoke(messages)
    const [hostile] = deferred().map(({ body }) => InferenceMessage.parse(body))

    const crashes: unknown[] = []
    while (outcomes().length === 0) {
      await invoke([hostile], stopping(ports))
      crashes.push((await ports.items.get(bad?.user_id ?? '', bad?.request_id ?? ''))?.crashes)
      ports.advance(100_000)
    }

    expect(hostile).toMatchObject({ request_id: bad?.request_id, hints: { alone: true } })
    expect(crashes).toEqual([0, 1, 2, 2])
    expect(outcomes()).toMatchObject([
      { request_id: bad?.request_id, attempt: 4, status: 'failed', error: { code: 'worker_crashed' } },
    ])
  })

  it('if an invocation has several requests whose workers have crashed, they run isolated, one after the other', async () => {
    const { ports, asked, deferred, invoke } = aWorker()
    const items = await Promise.all([1, 2, 3].map(() => ports.items.create(anItem(abandoned))))

    await invoke(
      items.map(item => ({ ...aMessage(item), hints: { alone: true } })),
      oneCallAtATime(ports),
    )

    expect(asked).toHaveLength(3)
    expect(deferred()).toEqual([])
  })

  it('a request of a crashed worker is deferred if another worker claims it first', async () => {
    const { ports, asked, deferred, run } = aWorker()
    const item = await ports.items.create(anItem(abandoned))
    const reclaim: WorkerPorts['items']['reclaim'] = async (seen, terms) => {
      await ports.items.reclaim(seen, { ...terms, claim_id: 'quicker' })
      return ports.items.reclaim(seen, terms)
    }

    await run(item, { ...ports, items: { ...ports.items, reclaim } })

    expect(asked).toEqual([])
    expect(deferred()).toHaveLength(1)
  })
})

describe('a worker: a message without an item', () => {
  it.each([
    { age: 0, delay_seconds: 1 },
    { age: 4_000, delay_seconds: 4 },
    { age: ITEM_GRACE_MS - 3_000, delay_seconds: 3 },
  ])(
    'is deferred, since the gateway may still write the item: for as long as the message is old ($age ms), but not beyond the gateway’s time for the write',
    async wait => {
      const { ports, deferred, run } = aWorker()
      const item = anItem()
      ports.advance(wait.age)

      await run(item)

      expect(deferred()).toMatchObject([{ delay_seconds: wait.delay_seconds }])
    },
  )

  it('if the item is missing after the gateway’s time for the write, the message leads to a tombstone (of a rejected request), and its reservation is released', async () => {
    const { ports, asked, deferred, run } = aWorker()
    const item = anItem({ user_id: newUser(), metadata: { tag: 'x' } })
    await ports.quota.reserve(reservationOf(item), { requests: 9, tokens: 99, in_flight: 9 }, NOW)
    ports.advance(ITEM_GRACE_MS)

    await run(item)

    expect([asked, deferred()]).toEqual([[], []])
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'rejected' })
    expect(await ports.quota.read(item.user_id, item.window, 0)).toEqual({ requests: 0, tokens: 0, open: [] })
    expect(ports.queue.sent(RESULTS_QUEUE)).toMatchObject([{ body: { type: 'ended', status: 'rejected' } }])
  })
})
