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

/** The interval is so short that the worker waits for the next slot. */
const SOON = { rate_limit: { count: 1, interval_ms: 1_000 } }
/** The state of the item before the claim. */
const UNTOUCHED = { status: 'queued', attempt: 0, crashes: 0 }

/** The same worker, but its flow control gives one permit, and then can’t be reached. */
function askedOnce(ports: WorkerPorts): WorkerPorts {
  let asked = 0
  return { ...ports, flowControl: failing(ports.flowControl, 'permit', 'before', () => ++asked > 1) }
}

/** The same worker, but some time passes with each claim. */
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

/** The same worker, but some time passes with each mapping of a request. */
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
  it('is deferred without an attempt if the second permit can’t be requested (I8)', async () => {
    const { ports, useSlot, create, run, stored, asked, outcomes, deferred } = aProtectedWorker(SOON)
    await useSlot()
    const item = await create()

    expect(await run(item, askedOnce(ports))).toEqual([])

    expect([asked, outcomes()]).toEqual([[], []])
    isUncalled(await stored(item))
    expect(deferred()).toMatchObject([{ body: { request_id: item.request_id }, delay_seconds: 5 }])
    expect(deferred()[0]?.body).not.toHaveProperty('hints')
  })

  it('leaves no probe behind', async () => {
    const { ports, useSlot, open, state, create, run, stored } = aProtectedWorker(SOON)
    await open()
    ports.advance(10_000)
    await useSlot()
    const item = await create()

    await run(item, { ...askedOnce(ports), sleep: async () => ports.advance(2_000) })

    expect((await state())?.probe).toBeUndefined()
    isUncalled(await stored(item))
  })

  it('is deferred without an attempt if the endpoint’s secret can no longer be read (I8)', async () => {
    const { ports, create, run, stored, outcomes, deferred } = aProtectedWorker()
    const item = await create()

    expect(await run(item, { ...ports, endpoint: failing(ports.endpoint, 'call', 'before') })).toEqual([])

    expect(outcomes()).toEqual([])
    isUncalled(await stored(item))
    expect(deferred()).toHaveLength(1)
  })

  it('ends without a charge if its owner has cancelled it', async () => {
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

  it('is redelivered, as after a crash, if it can’t be deferred either', async () => {
    const { ports, create, run, stored } = aProtectedWorker()
    const item = await create()
    const endpoint = failing(ports.endpoint, 'call', 'before')

    expect(await run(item, { ...ports, endpoint, items: failing(ports.items, 'requeue', 'before') })).toEqual([0])

    expect(await stored(item)).toMatchObject({ status: 'running', attempt: 1 })
  })

  it('keeps the answers of earlier calls of its batch', async () => {
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

describe('a worker: a call with too little time left', () => {
  it('is not made, and its requests are deferred without an attempt, for smaller batches', async () => {
    const { ports, asked, invoke, messagesOf, stored, deferred } = aBatchWorker()
    const messages = await messagesOf(['a', 'b', 'c', 'd', 'e'])

    // Of 90 s, the endpoint may take 60, publishing takes 10, and a mapping may take 2.5.
    expect(await invoke(messages, claimingSlowly(ports, 3_501))).toEqual([])

    expect(asked).toEqual([])
    for (const message of messages) isUncalled(await stored(anItem(message)))
    expect(deferred().map(({ body }) => InferenceMessage.parse(body).hints)).toEqual(
      messages.map(() => ({ at_most: 2 })),
    )
  })

  it('is made if its timeout leaves enough time to publish', async () => {
    const { ports, asked, invoke, messagesOf } = aBatchWorker()

    await invoke(await messagesOf(['a', 'b', 'c', 'd', 'e']), claimingSlowly(ports, 3_500))

    expect(asked).toHaveLength(1)
  })

  it('is made for the requests that are mapped in time, and the others are deferred without an attempt, for smaller batches', async () => {
    const { ports, asked, invoke, messagesOf, stored, hintsSent } = aBatchWorker()
    const messages = await messagesOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])

    await invoke(messages, mappingSlowly(ports, 3_000))

    expect(calls(asked)).toEqual([['a', 'b', 'c', 'd', 'e', 'f']])
    for (const message of messages.slice(6)) isUncalled(await stored(anItem(message)))
    expect(hintsSent()).toEqual([{ at_most: 2 }, { at_most: 2 }])
  })

  it('leaves no probe behind', async () => {
    const { ports, asked, open, state, create, run } = aProtectedWorker()
    await open()
    ports.advance(10_000)

    await run(await create(), mappingSlowly(ports, 20_001))

    expect(asked).toEqual([])
    expect((await state())?.probe).toBeUndefined()
  })
})
