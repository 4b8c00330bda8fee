import { describe, expect, it } from 'vitest'
import { claimIdOf } from '../../../../functions/core/domain/claim.ts'
import { InferenceMessage } from '../../../../functions/core/domain/messages.ts'
import { MIN_LEAD_TIME_MS } from '../../../../functions/core/flow-control/rate-limit.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aMessage, anItem, asReceived } from '../../../support/requests.ts'
import { aWorker as makeWorker, SUCCESS } from '../../../support/worker.ts'

const LIMIT = { count: 1, interval_ms: 4_000 }
/** The milliseconds between two slots: the interval of 4 s, a tenth of the interval as slack, and a bucket of 1 ms. */
const APART = 4_000 + 400 + 1
/** The second slot, in milliseconds after NOW. */
const TURN = MIN_LEAD_TIME_MS + APART

function aWorker(limit = LIMIT) {
  const worker = makeWorker(SUCCESS, { rate_limit: limit })
  const { deferred } = worker
  const lastDeferred = () => {
    const last = deferred().at(-1)
    if (!last) throw new Error('nothing was sent again')
    return { ...last, message: InferenceMessage.parse(last.body) }
  }
  return { ...worker, lastDeferred }
}

describe('a worker whose model has a rate limit', () => {
  it('defers a message whose slot is seconds away, stores the slot in it as a hint for the next delivery, and does not change the request item (I8)', async () => {
    const { create, asked, invoke, lastDeferred, stored } = aWorker()
    const [first, second] = [await create(), await create()]

    await invoke([aMessage(first), aMessage(second)])

    expect(asked).toHaveLength(1)
    const { message, delay_seconds } = lastDeferred()
    expect(message).toEqual({ ...asReceived(aMessage(second)), hints: { turn: NOW + TURN } })
    // The message returns 0.5 to 1.5 s before the slot. The delay has whole seconds.
    expect(delay_seconds).toBe(3)
    expect(await stored(second)).toEqual(second)
  })

  it('makes the call in the booked slot when the deferred message is redelivered, and books no other slot', async () => {
    const { ports, create, asked, invoke, outcomes, lastDeferred, modelStates } = aWorker()
    await invoke([aMessage(await create()), aMessage(await create())])
    const { message, delay_seconds = 0 } = lastDeferred()
    const booked = await modelStates.read('text')
    ports.advance(delay_seconds * 1_000)

    await invoke([message])

    expect(asked.map(({ at }) => at - NOW)).toEqual([MIN_LEAD_TIME_MS, TURN])
    expect(outcomes()).toHaveLength(2)
    expect((await modelStates.read('text'))?.calls).toEqual(booked?.calls)
  })

  it('claims the request and waits within the invocation for a slot that comes soon', async () => {
    const { ports, create, asked, run, stored, deferred, aFlowControl } = aWorker({ count: 1, interval_ms: 1_000 })
    await aFlowControl().permit({ until: NOW })
    const item = await create()
    const statuses: (string | undefined)[] = []
    const sleep: WorkerPorts['sleep'] = async ms => {
      statuses.push((await stored(item))?.status)
      ports.advance(ms)
    }

    await run(item, { ...ports, sleep })

    expect(statuses).toEqual(['running'])
    expect(deferred()).toEqual([])
    expect(asked.map(({ at }) => at - NOW)).toEqual([MIN_LEAD_TIME_MS + 1_000 + 100 + 1])
  })

  it('the worker waits until the slot, even if a timer ends 1 ms early', async () => {
    const { ports, create, asked, run, deferred } = aWorker()
    const left = [MIN_LEAD_TIME_MS - 1, 1]
    const sleep: WorkerPorts['sleep'] = async ms => ports.advance(left.shift() ?? ms)

    await run(await create(), { ...ports, sleep })

    expect(deferred()).toEqual([])
    expect(asked.map(({ at }) => at - NOW)).toEqual([MIN_LEAD_TIME_MS])
  })

  it('books another slot if the deferred message is redelivered too late for its slot', async () => {
    const { ports, create, asked, invoke, lastDeferred } = aWorker()
    await invoke([aMessage(await create()), aMessage(await create())])
    const { message } = lastDeferred()
    ports.advance(TURN + 1_000)

    await invoke([message])

    // The missed slot counts for the limit, too. So the new slot is a whole distance after the missed one.
    expect(asked).toHaveLength(1)
    expect(lastDeferred().message.hints).toEqual({ turn: NOW + TURN + APART })
  })

  it('defers the request to another slot without using up an attempt, if its timer has ended too late for the slot', async () => {
    const { ports, create, asked, run, stored, lastDeferred, aFlowControl } = aWorker({ count: 1, interval_ms: 1_200 })
    await aFlowControl().permit({ until: NOW })
    const item = await create()
    // While the worker waits, its slot passes, and another worker books the next one.
    const sleep: WorkerPorts['sleep'] = async ms => {
      ports.advance(ms + 1_000)
      await aFlowControl().permit({ until: NOW })
    }

    await run(item, { ...ports, sleep })

    expect(asked).toEqual([])
    expect(await stored(item)).toMatchObject({ status: 'queued', attempt: 0 })
    expect(await stored(item)).not.toHaveProperty('started_at')
    expect(await stored(item)).not.toHaveProperty('reached')
    expect(lastDeferred().message.hints?.turn).toBeGreaterThan(ports.clock())
  })

  it.each([
    { priority: 'normal', hints: { has_waited: true } },
    { priority: 'high', hints: { turn: expect.any(Number) } },
  ] as const)(
    'if a $priority request misses its slot, newer requests do not overtake it: its message has a hint (normal: it has waited, high: its next slot)',
    async ({ priority, hints }) => {
      const { ports, run, stored } = aWorker({ count: 1, interval_ms: 10_000 })
      const item = await ports.items.create(anItem({ priority }))
      const claim: WorkerPorts['items']['claim'] = async (message, terms) => {
        ports.advance(1_000)
        return ports.items.claim(message, terms)
      }

      await run(item, { ...ports, items: { ...ports.items, claim } })

      expect(await stored(item)).toMatchObject({ status: 'queued', attempt: 0 })
      expect(ports.queue.sent(`inference-text-${priority}`)).toMatchObject([{ body: { hints } }])
    },
  )

  it('books no slot for a request that was cancelled, since an unused slot would count for the limit', async () => {
    const { ports, create, invoke, modelStates, asked, deferred } = aWorker()
    const item = await create()
    await ports.items.cancel(item, NOW)

    await invoke([aMessage(item)])

    expect([asked, deferred()]).toEqual([[], []])
    expect(await modelStates.read('text')).toBeUndefined()
  })

  it.each([
    { what: 'has no item yet', fields: undefined },
    { what: 'another worker has claimed', fields: { status: 'running', attempt: 1, lease_until: NOW + 30_000 } },
    { what: 'waits for the end of a backoff', fields: { attempt: 1, not_before: NOW + 30_000 } },
    { what: 'has expired', fields: { deadline: NOW } },
  ] as const)('books no slot for a request that $what', async ({ fields }) => {
    const { ports, invoke, modelStates, asked } = aWorker()
    const item = anItem(fields)
    if (fields) await ports.items.create(item)

    await invoke([aMessage(item)])

    expect(asked).toEqual([])
    expect(await modelStates.read('text')).toBeUndefined()
  })

  it('books no slot for a request that has crashed three workers and therefore fails', async () => {
    const { ports, invoke, modelStates, asked, stored } = aWorker()
    const item = await ports.items.create(anItem({ attempt: 2, crashes: 2 }))
    await ports.items.claim(aMessage(item), { claim_id: claimIdOf('gone', true), now: NOW, lease_until: NOW })

    await invoke([aMessage(item)])

    expect([asked, await modelStates.read('text')]).toEqual([[], undefined])
    expect(await stored(item)).toMatchObject({ crashes: 2, attempt: 3 })
  })

  it('books no slot for a request of a crashed worker that is deferred to run isolated (alone in its environment)', async () => {
    const { ports, create, invoke, asked, lastDeferred, modelStates } = aWorker({ count: 5, interval_ms: 4_000 })
    const abandoned = await ports.items.create(anItem({ status: 'running', attempt: 1, lease_until: NOW }))

    await invoke([aMessage(await create()), aMessage(abandoned)])

    expect(asked).toHaveLength(1)
    expect(lastDeferred().message.hints).toEqual({ alone: true })
    expect((await modelStates.read('text'))?.calls).toMatchObject([{ count: 1 }])

    await invoke([lastDeferred().message])
    expect(asked).toHaveLength(2)
  })

  it.each(['before', 'after'] as const)(
    'lets a message be redelivered if it can’t be deferred (the send fails %s its effect)',
    async when => {
      const { ports, create, run, aFlowControl, outcomes } = aWorker()
      await aFlowControl().permit({ until: NOW })
      const item = await create()

      expect(await run(item, { ...ports, queue: failing(ports.queue, 'send', when) })).toEqual([0])

      ports.advance(60_000)
      expect(await run(item)).toEqual([])
      expect(outcomes()).toMatchObject([{ status: 'completed', attempt: 1 }])
    },
  )

  it('never exceeds the limit together with three other workers, and all requests complete', async () => {
    const { ports, create, asked, invoke, deferred, outcomes, aFlowControl } = aWorker({ count: 5, interval_ms: 2_000 })
    const fleet = Array.from({ length: 4 }, () => ({ ...ports, flowControl: aFlowControl() }))
    const items = await Promise.all(Array.from({ length: 40 }, () => create()))
    await Promise.all(
      fleet.map((worker, i) =>
        invoke(
          items.slice(i * 10, i * 10 + 10).map(item => aMessage(item)),
          worker,
        ),
      ),
    )

    for (let seen = 0, round = 0; seen < deferred().length; round++) {
      expect(round).toBeLessThan(40)
      const waiting = deferred().slice(seen)
      seen = deferred().length
      for (const { body } of waiting.toSorted((a, b) => turnOf(a.body) - turnOf(b.body))) {
        ports.advance(Math.max(0, turnOf(body) - 700 - ports.clock()))
        await invoke([body], fleet[seen % fleet.length])
      }
    }

    expect(outcomes().filter(({ status, attempt }) => status === 'completed' && attempt === 1)).toHaveLength(40)
    const times = asked.map(({ at }) => at)
    for (const from of times) expect(times.filter(at => at >= from && at < from + 2_000).length).toBeLessThanOrEqual(5)
    expect(Math.max(...times) - NOW).toBeLessThanOrEqual(7 * 1.2 * 2_000)
  })
})

const turnOf = (body: unknown): number => InferenceMessage.parse(body).hints?.turn ?? NOW
