import { describe, expect, it } from 'vitest'
import { MIN_LEAD_TIME_MS } from '../../../../functions/core/flow-control/rate-limit.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { aBatchWorker, calls, echo, promptsOf } from '../../../support/batch-worker.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { failure } from '../../../support/failures.ts'
import { aMessage, anItem } from '../../../support/requests.ts'
import { LEASE } from '../../../support/worker.ts'

describe('a worker with batches: the rate limit', () => {
  it('a batch takes one slot, since it is one call: if the batch is deferred, only its first message keeps the slot, as a hint for the next delivery', async () => {
    const { ports, asked, invoke, messagesOf, hintsSent, deferred, aFlowControl, modelStates } = aBatchWorker(echo, {
      rate_limit: { count: 1, interval_ms: 4_000 },
    })
    // The second slot is 4,401 ms after the first slot: the interval of 4 s, a tenth of the interval, and one bucket of 1 ms.
    const second = MIN_LEAD_TIME_MS + 4_000 + 400 + 1
    await aFlowControl().permit({ until: NOW })

    await invoke(await messagesOf(['a', 'b', 'c']))

    expect(hintsSent()).toEqual([{ turn: NOW + second }, undefined, undefined])
    expect(deferred().map(({ delay_seconds }) => delay_seconds)).toEqual([3, 3, 3])
    ports.advance(3_000)
    await invoke(deferred().map(({ body }) => body))
    expect(asked.map(one => [one.at - NOW, promptsOf(one)])).toEqual([[second, ['a', 'b', 'c']]])
    expect((await modelStates.read('text'))?.calls).toEqual([{ from: NOW + second, count: 1 }])
  })

  it('lets a batch use the slot of one of its messages, even if the slot of another message has passed', async () => {
    const { ports, asked, invoke, messagesOf, modelStates } = aBatchWorker(echo, {
      rate_limit: { count: 1, interval_ms: 4_000 },
    })
    await ports.flowControl.permit({ until: NOW })
    const [over, inTime] = await messagesOf(['a', 'b'])

    await invoke([
      { ...over, hints: { turn: NOW - 60_000 } },
      { ...inTime, hints: { turn: NOW + MIN_LEAD_TIME_MS } },
    ])

    expect(asked.map(one => [one.at - NOW, promptsOf(one)])).toEqual([[MIN_LEAD_TIME_MS, ['a', 'b']]])
    expect((await modelStates.read('text'))?.calls).toMatchObject([{ count: 1 }])
  })
})

describe('a worker with batches: a batch that fails as a whole because of the model', () => {
  it.each([
    { what: '429', fields: { status: 429 }, at_most: undefined },
    { what: '503, which one request may have caused', fields: { status: 503 }, at_most: 2 },
    { what: 'a refused connection', fields: { code: 'model_unreachable', reached: false }, at_most: undefined },
    { what: 'a timeout, which a smaller batch may avoid', fields: { code: 'model_timeout' }, at_most: 2 },
  ] as const)(
    'is not split, and its requests are retried later after only one call: $what',
    async ({ fields, at_most }) => {
      const { asked, invoke, messagesOf, outcomes, deferred, hintsSent, stored } = aBatchWorker(() => failure(fields))
      const messages = await messagesOf(['a', 'b', 'c', 'd', 'e'])

      await invoke(messages)

      expect(asked).toHaveLength(1)
      expect(outcomes()).toEqual([])
      expect(deferred()).toHaveLength(5)
      expect(hintsSent()).toEqual(messages.map(() => at_most && { at_most }))
      for (const message of messages)
        expect(await stored(anItem(message))).toMatchObject({ status: 'queued', attempt: 1, not_before: NOW + 1_500 })
    },
  )

  it('a failed batch is split within the invocation if one of its requests has no further attempt', async () => {
    const { asked, create, invoke, messagesOf, byStatus } = aBatchWorker(prompts =>
      prompts.includes('bad') ? failure({ status: 503 }) : echo(prompts),
    )
    const last = aMessage(await create({ attempt: 2 }), { prompt: 'bad' })

    await invoke([...(await messagesOf(['a', 'b', 'c'])), last])

    expect(asked.length).toBeLessThanOrEqual(5)
    expect(byStatus('completed')).toHaveLength(3)
    expect(byStatus('failed')).toMatchObject([{ request_id: last.request_id, attempt: 3 }])
  })

  it('a request that was called alone and got a 503 from a busy model may run in a batch of any size next, since it is not the bad one', async () => {
    const { create, invoke, messagesOf, byStatus, hintsSent, stored } = aBatchWorker((prompts, { at }) =>
      // The request `bad` always fails with 500. The request `late` gets one 503, since the model is busy at that time.
      prompts.includes('bad')
        ? failure({ status: 500 })
        : prompts.includes('late') && at === NOW
          ? failure({ status: 503 })
          : echo(prompts),
    )
    const late = await create()

    await invoke([...(await messagesOf(['a', 'b', 'bad'])), aMessage(late, { prompt: 'late' })])

    expect(byStatus('completed')).toHaveLength(2)
    expect(byStatus('failed')).toMatchObject([{ prompt: { inline: 'bad' }, attempt: 1 }])
    expect(hintsSent()).toEqual([undefined])
    expect(await stored(late)).toMatchObject({ status: 'queued', attempt: 1 })
  })
})

describe('a worker with batches: the splitting of a batch after a failed call, to find the bad request', () => {
  const poisoned = (prompts: string[]) =>
    prompts.includes('bad') ? failure({ code: 'model_rejected', status: 400 }) : echo(prompts)
  const Prompts = ['a', 'b', 'c', 'd', 'bad', 'f', 'g', 'h']

  it('the splitting stops if the invocation has too little time left, and the requests without an answer are retried in smaller batches', async () => {
    const { ports, asked, invoke, messagesOf, byStatus, hintsSent } = aBatchWorker(poisoned)
    const endpoint: WorkerPorts['endpoint'] = {
      ...ports.endpoint,
      call: (id, body) => {
        ports.advance(11_000)
        return ports.endpoint.call(id, body)
      },
    }

    await invoke(await messagesOf(Prompts), { ...ports, endpoint })

    // An invocation has 90 s. A call may take 60 s, and publishing takes 10 s. Two calls of 11 s leave 68 s: too little.
    expect(calls(asked)).toEqual([Prompts, ['a', 'b', 'c', 'd']])
    expect(byStatus('completed')).toHaveLength(4)
    expect(byStatus('failed')).toEqual([])
    expect(hintsSent()).toEqual(Array.from({ length: 4 }, () => ({ at_most: 2 })))
  })

  it.each([
    { what: 'is refused because the circuit is open', circuit: { failures: 1, within_ms: 60_000, open_ms: 10_000 } },
    { what: 'would be the probe of a circuit', circuit: { failures: 1, within_ms: 60_000, open_ms: 1 } },
  ])(
    'the splitting stops if the permit for a further call $what, and the requests without an answer are retried later',
    async ({ circuit }) => {
      const { ports, asked, invoke, messagesOf, hintsSent, aFlowControl, modelStates } = aBatchWorker(poisoned, {
        circuit,
      })
      const endpoint: WorkerPorts['endpoint'] = {
        ...ports.endpoint,
        call: async (id, body) => {
          await aFlowControl().report({ findings: { failures: 1 } })
          ports.advance(1_000)
          return ports.endpoint.call(id, body)
        },
      }

      await invoke(await messagesOf(Prompts), { ...ports, endpoint })

      expect(asked).toHaveLength(1)
      expect(hintsSent()).toEqual(Prompts.map(() => ({ at_most: 2 })))
      const state = await modelStates.read('text')
      expect(state?.open).toBeDefined()
      expect(state?.probe).toBeUndefined()
    },
  )

  it('the splitting stops if the slot of a further call is too far ahead, and the requests without an answer are retried later', async () => {
    const { asked, invoke, messagesOf, hintsSent } = aBatchWorker(poisoned, {
      rate_limit: { count: 1, interval_ms: 4_000 },
    })

    await invoke(await messagesOf(Prompts))

    expect(asked).toHaveLength(1)
    expect(hintsSent()).toEqual(Prompts.map(() => ({ at_most: 2 })))
  })

  it('the splitting stops if the flow control is unavailable, and the worker publishes the answers that it already has', async () => {
    const { ports, asked, invoke, messagesOf, byStatus, hintsSent } = aBatchWorker(poisoned)
    let permits = 0
    const flowControl = failing(ports.flowControl, 'permit', 'before', () => ++permits > 2)

    expect(await invoke(await messagesOf(Prompts), { ...ports, flowControl })).toEqual([])

    expect(calls(asked)).toEqual([Prompts, ['a', 'b', 'c', 'd']])
    expect(byStatus('completed')).toHaveLength(4)
    expect(hintsSent()).toEqual(Array.from({ length: 4 }, () => ({ at_most: 2 })))
  })

  it('the splitting stops after three calls if no call succeeds, since the model itself then fails, and not a single request', async () => {
    const { asked, invoke, messagesOf, deferred, byStatus, modelStates } = aBatchWorker(
      () => failure({ status: 500 }),
      {
        circuit: { failures: 5, within_ms: 60_000, open_ms: 10_000 },
      },
    )

    await invoke(await messagesOf(Prompts))

    expect(asked).toHaveLength(3)
    expect(byStatus('failed')).toEqual([])
    expect(deferred()).toHaveLength(8)
    expect((await modelStates.read('text'))?.failures).toHaveLength(3)
  })

  it('the splitting stops after eight calls if the model refuses every call, since most requests or the model itself must be the cause', async () => {
    const { asked, invoke, messagesOf } = aBatchWorker(() => failure({ code: 'model_rejected', status: 400 }))

    await invoke(await messagesOf([...Prompts, ...Prompts]))

    expect(asked).toHaveLength(8)
  })

  it('a failed call does not count for the circuit if other calls of the same batch succeed, since then a request is the cause, and not the model', async () => {
    const { invoke, messagesOf, modelStates } = aBatchWorker(
      prompts => (prompts.includes('bad') ? failure({ status: 500 }) : echo(prompts)),
      { circuit: { failures: 1, within_ms: 60_000, open_ms: 10_000 } },
    )

    await invoke(await messagesOf(Prompts))

    expect(await modelStates.read('text')).toBeUndefined()
  })
})

describe('a worker with batches: the circuit', () => {
  it('while the circuit is open, batches are deferred without using up an attempt, and then a whole batch is the probe, i.e. the test call (I8)', async () => {
    const { ports, asked, invoke, messagesOf, stored, deferred, aFlowControl, modelStates } = aBatchWorker(echo, {
      circuit: { failures: 1, within_ms: 60_000, open_ms: 10_000 },
    })
    await aFlowControl().report({ findings: { failures: 1 } })
    const messages = await messagesOf(['a', 'b', 'c'])

    await invoke(messages)
    expect(asked).toEqual([])
    for (const message of messages)
      expect(await stored(anItem(message))).toMatchObject({ status: 'queued', attempt: 0 })

    ports.advance(12_000)
    await invoke(deferred().map(({ body }) => body))
    expect(calls(asked)).toEqual([['a', 'b', 'c']])
    expect(await modelStates.read('text')).not.toHaveProperty('open')
    expect(ports.clock()).toBeLessThan(LEASE)
  })
})
