import { describe, expect, it } from 'vitest'
import { InferenceMessage } from '../../../../functions/core/domain/messages.ts'
import { MIN_LEAD_TIME_MS } from '../../../../functions/core/flow-control/rate-limit.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aProtectedWorker, down } from '../../../support/protected-worker.ts'
import { aMessage, anItem, asReceived } from '../../../support/requests.ts'
import { LEASE } from '../../../support/worker.ts'

/**
 * The slot (the time) of the second call with a limit of one call per second, in milliseconds after NOW: the first slot, plus
 * the interval, a tenth of the interval, and a bucket of 1 ms.
 */
const SECOND = MIN_LEAD_TIME_MS + 1_000 + 100 + 1

describe('a worker: an open circuit', () => {
  it('is opened by failed calls of different workers together', async () => {
    const { ports, create, run, model, state, aFlowControl } = aProtectedWorker()
    model.answer = down

    await run(await create())
    expect((await state())?.open).toBeUndefined()
    await run(await create(), { ...ports, flowControl: aFlowControl() })

    expect((await state())?.open).toEqual({ until: NOW + 10_000, times: 1 })
  })

  it.each([
    { code: 'model_rejected', status: 400 },
    { code: 'invalid_model_response', status: undefined },
    { code: 'result_too_large', status: undefined },
  ] as const)('the circuit is not opened by $code, since the model has answered', async fields => {
    const { create, run, model, state } = aProtectedWorker()
    model.answer = { ...down, ...fields }

    for (let i = 0; i < 5; i++) await run(await create())

    expect(await state()).toBeUndefined()
  })

  it('an open circuit makes the worker defer each message until the circuit may close, and change no request item (I8)', async () => {
    const { create, run, open, asked, deferred, stored } = aProtectedWorker()
    await open()
    const item = await create()

    expect(await run(item)).toEqual([])

    expect(asked).toEqual([])
    // The circuit is open for 10 s. The delay is up to a quarter longer, at random. Here, the random number is a half.
    expect(deferred()).toEqual([{ body: asReceived(aMessage(item)), group: item.user_id, delay_seconds: 12 }])
    expect(await stored(item)).toEqual(item)
  })

  it('while the circuit is open, the worker reads no stored body for a deferred message', async () => {
    const { ports, create, invoke, open, deferred } = aProtectedWorker()
    await open()
    const message = { ...aMessage(await create()), body: { key: 'body.json' } }

    expect(await invoke([message], { ...ports, payloads: failing(ports.payloads, 'get', 'before') })).toEqual([])

    expect(deferred()).toMatchObject([{ body: asReceived(message) }])
  })

  it.each([
    { random: 0, delay: 600 },
    { random: 0.9999, delay: 605 },
  ])(
    'the redelivery of deferred messages is spread over at most five seconds, so they do not all come at once (random number $random)',
    async ({ random, delay }) => {
      const { ports, create, run, deferred, open } = aProtectedWorker({
        circuit: { failures: 2, within_ms: 60_000, open_ms: 600_000 },
      })
      await open()

      await run(await create(), { ...ports, random: () => random })

      expect(deferred()).toMatchObject([{ delay_seconds: delay }])
    },
  )

  it('while the circuit is open, a message is deferred until its deadline at the latest, so the request expires then', async () => {
    const { ports, run, open, deferred } = aProtectedWorker()
    await open()

    await run(await ports.items.create(anItem({ deadline: NOW + 4_000 })))

    expect(deferred()).toMatchObject([{ delay_seconds: 4 }])
  })

  it('a request of a crashed worker is deferred until the circuit may close, even after the deadline, since the request has started in time', async () => {
    const { ports, run, open, deferred } = aProtectedWorker()
    await open()
    const running = {
      status: 'running',
      attempt: 1,
      claim_id: 'alone-gone',
      lease_until: NOW,
      started_at: NOW,
    } as const

    await run(await ports.items.create(anItem({ ...running, deadline: NOW })))

    expect(deferred()).toMatchObject([{ delay_seconds: 12 }])
  })

  it('while the circuit is open, a request whose deadline has passed expires', async () => {
    const { ports, run, open, deferred, stored } = aProtectedWorker()
    await open()
    const expired = await ports.items.create(anItem({ deadline: NOW }))

    await run(expired)

    expect(deferred()).toEqual([])
    expect(await stored(expired)).toMatchObject({ status: 'expired' })
  })

  it('while the circuit is open, a message after its deadline is dropped if its request has ended', async () => {
    const { ports, run, open, deferred, stored } = aProtectedWorker()
    await open()
    const ended = await ports.items.create(anItem({ status: 'cancelled', deadline: NOW }))

    await run(ended)

    expect(deferred()).toEqual([])
    expect(await stored(ended)).toEqual(ended)
  })

  it('an open circuit makes the worker remove the slot from a deferred message, so the request gets a new slot later', async () => {
    const { invoke, create, open, deferred } = aProtectedWorker({ rate_limit: { count: 1, interval_ms: 4_000 } })
    await open()

    await invoke([{ ...aMessage(await create()), hints: { turn: NOW, at_most: 3 } }])

    expect(InferenceMessage.parse(deferred()[0]?.body).hints).toEqual({ at_most: 3 })
  })
})

describe('a worker: the probe of a circuit, i.e. the one call that tests the model,', () => {
  it('is one call, and the other calls are deferred until the probe has succeeded', async () => {
    const { ports, create, open, invoke, asked, deferred, state, run } = aProtectedWorker()
    await open()
    ports.advance(10_000)

    await invoke(await Promise.all(Array.from({ length: 5 }, async () => aMessage(await create()))))

    expect(asked).toHaveLength(1)
    expect(deferred()).toHaveLength(4)
    expect(await state()).not.toHaveProperty('open')
    await run(await create())
    expect(asked).toHaveLength(2)
  })

  it('a failed probe keeps the circuit open for twice as long', async () => {
    const { ports, create, open, run, model, state, stored } = aProtectedWorker()
    model.answer = down
    await open()
    ports.advance(10_000)
    const item = await create()

    await run(item)

    expect((await state())?.open).toEqual({ until: NOW + 30_000, times: 2 })
    expect(await state()).not.toHaveProperty('probe')
    expect(await stored(item)).toMatchObject({ status: 'queued', attempt: 1 })
  })

  it.each([
    { what: 'has ended', fields: { status: 'completed', attempt: 1 } },
    { what: 'is claimed by another worker', fields: { status: 'running', attempt: 1, lease_until: LEASE } },
    { what: 'has no item', fields: undefined },
  ] as const)(
    'a probe (test call) is given up, so another call may be the probe, if its request $what',
    async ({ fields }) => {
      const { ports, open, run, state, create, asked } = aProtectedWorker()
      await open()
      ports.advance(10_000)
      const item = anItem(fields)
      if (fields) await ports.items.create(item)

      await run(item)

      expect(asked).toEqual([])
      expect(await state()).not.toHaveProperty('probe')
      await run(await create())
      expect(asked).toHaveLength(1)
    },
  )

  it('a probe (test call) is given up, so another call may be the probe, if its request can’t be mapped', async () => {
    const { ports, open, run, state, create, asked } = aProtectedWorker()
    await open()
    ports.advance(10_000)
    const mappings = { ...ports.mappings, request: () => ports.mappings.response(null) as Promise<never> }

    await run(await create(), { ...ports, mappings })

    expect(asked).toEqual([])
    expect(await state()).not.toHaveProperty('probe')
  })

  it('if the worker of a probe (test call) has crashed, another call is the probe once this worker has certainly ended', async () => {
    const { ports, open, run, create, asked } = aProtectedWorker()
    await open()
    ports.advance(10_000)
    const dies = () => Promise.reject(new Error('the worker dies'))
    await run(await create(), { ...ports, endpoint: { ...ports.endpoint, call: dies } })

    await run(await create())
    expect(asked).toEqual([])
    ports.advance(95_000)
    await run(await create())

    expect(asked).toHaveLength(1)
  })

  it.each([
    { what: 'even if a timer ends 1 ms early', sleeps: [SECOND - 1, 1], at: 10_000 + SECOND },
    { what: 'and for another slot if a timer ends too late', sleeps: [15_000], at: 25_000 + MIN_LEAD_TIME_MS },
  ])('a probe (test call) waits for its slot, $what', async ({ sleeps, at }) => {
    const { ports, open, create, run, asked, deferred, state, useSlot } = aProtectedWorker({
      rate_limit: { count: 1, interval_ms: 1_000 },
    })
    await open()
    ports.advance(10_000)
    await useSlot()
    const left = [...sleeps]
    const sleep: WorkerPorts['sleep'] = async ms => ports.advance(left.shift() ?? ms)

    await run(await create(), { ...ports, sleep })

    expect(asked.map(call => call.at - NOW)).toEqual([at])
    expect(deferred()).toEqual([])
    expect(await state()).not.toHaveProperty('open')
  })
})

describe('a worker: a circuit that opens while a call waits for its slot', () => {
  it.each([
    { what: '', early: 0 },
    { what: ', also if its timer ends 1 ms early', early: 1 },
  ])('defers the claimed request without using up an attempt$what (I8)', async ({ early }) => {
    const { ports, create, run, open, asked, deferred, stored, aFlowControl } = aProtectedWorker({
      rate_limit: { count: 1, interval_ms: 1_000 },
    })
    await aFlowControl().permit({ until: NOW })
    const item = await create()
    const sleep: WorkerPorts['sleep'] = async ms => {
      ports.advance(Math.max(1, ms - early))
      await open()
    }

    await run(item, { ...ports, sleep })

    expect(asked).toEqual([])
    expect(await stored(item)).toMatchObject({ status: 'queued', attempt: 0, not_before: NOW + SECOND - early })
    expect(deferred()).toMatchObject([{ delay_seconds: 12 }])
    expect(InferenceMessage.parse(deferred()[0]?.body)).not.toHaveProperty('hints')
  })

  it('if the circuit opens while a request waits for its slot, and its owner has cancelled it, the request ends without a charge', async () => {
    const { ports, create, run, open, outcomes, deferred, stored, aFlowControl } = aProtectedWorker({
      rate_limit: { count: 1, interval_ms: 1_000 },
    })
    await aFlowControl().permit({ until: NOW })
    const item = await create()
    const sleep: WorkerPorts['sleep'] = async ms => {
      ports.advance(ms)
      await open()
      const running = await stored(item)
      if (running) await ports.items.cancel(running, NOW)
    }

    await run(item, { ...ports, sleep })

    expect(deferred()).toEqual([])
    expect(outcomes()).toMatchObject([{ status: 'failed', attempt: 1, reached: false }])
  })
})
