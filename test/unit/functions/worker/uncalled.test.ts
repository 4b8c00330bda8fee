import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../../functions/core/domain/item.ts'
import { InferenceMessage } from '../../../../functions/core/domain/messages.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { aBatchWorker, calls, echo } from '../../../support/batch-worker.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { failure } from '../../../support/failures.ts'
import { aProtectedWorker } from '../../../support/protected-worker.ts'
import { anItem } from '../../../support/requests.ts'

/** A rate limit with such a short interval that the worker waits for the next slot (the time at which it may call), and does not defer the message. */
const SOON = { rate_limit: { count: 1, interval_ms: 1_000 } }
/** The fields of a request item that has not been claimed. */
const UNTOUCHED = { status: 'queued', attempt: 0, crashes: 0 }

/** Ports of a worker whose flow control gives one permit (for one call to the model), and then can’t be reached. */
function askedOnce(ports: WorkerPorts): WorkerPorts {
  let asked = 0
  return { ...ports, flowControl: failing(ports.flowControl, 'permit', 'before', () => ++asked > 1) }
}

/** Ports of a worker with which each claim takes `ms` milliseconds. */
const claimingSlowly = (ports: WorkerPorts & { advance: (ms: number) => void }, ms: number): WorkerPorts => ({
  ...ports,
  items: {
    ...ports.items,
    claim: (message, terms) => {
      ports.advance(ms)
      return ports.items.claim(message, terms)
    },
  },
})

/** Ports of a worker with which each request mapping takes `ms` milliseconds. */
const mappingSlowly = (ports: WorkerPorts & { advance: (ms: number) => void }, ms: number): WorkerPorts => ({
  ...ports,
  mappings: {
    ...ports.mappings,
    request: async fields => {
      ports.advance(ms)
      return ports.mappings.request(fields)
    },
  },
})

const isUncalled = (item: RequestItem | undefined) => {
  expect(item).toMatchObject(UNTOUCHED)
  expect(item).not.toHaveProperty('reached')
}

describe('a worker: a claimed request whose call can’t be made', () => {
  it('is deferred without using up an attempt if the permit must be requested again and the flow control can’t be reached (I8)', async () => {
    const { ports, useSlot, create, run, stored, asked, outcomes, deferred } = aProtectedWorker(SOON)
    await useSlot()
    const item = await create()

    expect(await run(item, askedOnce(ports))).toEqual([])

    expect([asked, outcomes()]).toEqual([[], []])
    isUncalled(await stored(item))
    expect(deferred()).toMatchObject([{ body: { request_id: item.request_id }, delay_seconds: 5 }])
    expect(deferred()[0]?.body).not.toHaveProperty('hints')
  })

  it('a request whose call can’t be made is no probe (test call) any more, so another call may be the probe', async () => {
    const { ports, useSlot, open, state, create, run, stored } = aProtectedWorker(SOON)
    await open()
    ports.advance(10_000)
    await useSlot()
    const item = await create()

    await run(item, { ...askedOnce(ports), sleep: async () => ports.advance(2_000) })

    expect((await state())?.probe).toBeUndefined()
    isUncalled(await stored(item))
  })

  it('a claimed request is deferred without using up an attempt if the endpoint’s secret can’t be read (I8)', async () => {
    const { ports, create, run, stored, outcomes, deferred } = aProtectedWorker()
    const item = await create()

    expect(await run(item, { ...ports, endpoint: failing(ports.endpoint, 'call', 'before') })).toEqual([])

    expect(outcomes()).toEqual([])
    isUncalled(await stored(item))
    expect(deferred()).toHaveLength(1)
  })

  it('a claimed request whose call can’t be made ends without a charge if its owner has cancelled it', async () => {
    const { ports, create, run, stored, outcomes, deferred } = aProtectedWorker()
    const item = await create()
    const endpoint = failing(ports.endpoint, 'call', 'before')
    const prepared: WorkerPorts['endpoint'] = {
      ...endpoint,
      call: async (...asked) => {
        const running = await stored(item)
        if (running) await ports.items.cancel(running, NOW)
        return endpoint.call(...asked)
      },
    }

    await run(item, { ...ports, endpoint: prepared })

    expect(deferred()).toEqual([])
    expect(outcomes()).toMatchObject([{ status: 'failed', reached: false }])
  })

  it('a request whose call can’t be made keeps its claim, and is redelivered as after a crash, if it can’t be put back to queued either', async () => {
    const { ports, create, run, stored } = aProtectedWorker()
    const item = await create()
    const endpoint = failing(ports.endpoint, 'call', 'before')

    expect(await run(item, { ...ports, endpoint, items: failing(ports.items, 'requeue', 'before') })).toEqual([0])

    expect(await stored(item)).toMatchObject({ status: 'running', attempt: 1 })
  })

  it('a call that can’t be made does not affect the requests of its batch that earlier calls have answered', async () => {
    const { ports, asked, invoke, messagesOf, byStatus, hintsSent } = aBatchWorker(prompts =>
      prompts.includes('bad') ? failure({ code: 'model_rejected', status: 400 }) : echo(prompts),
    )
    let made = 0
    const endpoint = failing(ports.endpoint, 'call', 'before', () => ++made > 2)

    await invoke(await messagesOf(['a', 'b', 'c', 'bad']), { ...ports, endpoint })

    expect(calls(asked)).toEqual([
      ['a', 'b', 'c', 'bad'],
      ['a', 'b'],
    ])
    expect(byStatus('completed')).toHaveLength(2)
    expect(hintsSent()).toEqual([{ at_most: 1 }, { at_most: 1 }])
  })
})

describe('a worker: a call to the model for which the invocation has too little time left', () => {
  it('is not made, and its requests are deferred without using up an attempt, for smaller batches', async () => {
    const { ports, asked, invoke, messagesOf, stored, deferred } = aBatchWorker()
    const messages = await messagesOf(['a', 'b', 'c', 'd', 'e'])

    // The five claims take 17.5 s together. Of the 90 s of an invocation, the endpoint may take 60 s, publishing takes 10 s, and a
    // mapping may take 2.5 s. So 17.5 s are allowed, and 17.505 s are too long.
    expect(await invoke(messages, claimingSlowly(ports, 3_501))).toEqual([])

    expect(asked).toEqual([])
    for (const message of messages) isUncalled(await stored(anItem(message)))
    expect(deferred().map(({ body }) => InferenceMessage.parse(body).hints)).toEqual(
      messages.map(() => ({ at_most: 2 })),
    )
  })

  it('a call is made if the invocation has just enough time for the timeout of the call and for publishing', async () => {
    const { ports, asked, invoke, messagesOf } = aBatchWorker()

    await invoke(await messagesOf(['a', 'b', 'c', 'd', 'e']), claimingSlowly(ports, 3_500))

    expect(asked).toHaveLength(1)
  })

  it('a call is made for the requests that are mapped in time, and the others are deferred without using up an attempt, for smaller batches', async () => {
    const { ports, asked, invoke, messagesOf, stored, hintsSent } = aBatchWorker()
    const messages = await messagesOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])

    await invoke(messages, mappingSlowly(ports, 3_000))

    expect(calls(asked)).toEqual([['a', 'b', 'c', 'd', 'e', 'f']])
    for (const message of messages.slice(6)) isUncalled(await stored(anItem(message)))
    expect(hintsSent()).toEqual([{ at_most: 2 }, { at_most: 2 }])
  })

  it('a call that is not made for lack of time is no probe (test call) any more, so another call may be the probe', async () => {
    const { ports, asked, open, state, create, run } = aProtectedWorker()
    await open()
    ports.advance(10_000)

    await run(await create(), mappingSlowly(ports, 20_001))

    expect(asked).toEqual([])
    expect((await state())?.probe).toBeUndefined()
  })
})
