import { describe, expect, it } from 'vitest'
import { createMappings } from '../../../../functions/core/inference/mapping.ts'
import type { ModelAnswer, ModelFailure } from '../../../../functions/core/inference/port.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aRetry, failure } from '../../../support/failures.ts'
import { aMessage, anItem, asReceived } from '../../../support/requests.ts'
import { LEASE, aWorker as makeWorker, SUCCESS, type WorkerSettings } from '../../../support/worker.ts'

const RETRY = aRetry({ attempts: 3 })
const failed = (fields: Partial<ModelFailure> = {}): ModelFailure =>
  failure({ message: 'the model answered 503', status: 503, ...fields })
const refused = failed({ code: 'model_unreachable', status: undefined, reached: false })

/** A worker whose model gives these answers. The last answer is repeated. */
function aWorker(answers: readonly ModelAnswer[], settings: WorkerSettings = {}) {
  let calls = 0
  const answer = () => answers[Math.min(calls++, answers.length - 1)] ?? SUCCESS
  const worker = makeWorker(answer, { retry: RETRY, ...settings })
  /** Waits for the delay of the message that was sent last, and delivers this message. */
  const arrive = async (using: WorkerPorts = worker.ports) => {
    const last = worker.deferred().at(-1)
    if (!last) throw new Error('nothing was sent again')
    worker.ports.advance((last.delay_seconds ?? 0) * 1_000)
    return worker.invoke([last.body], using)
  }
  return { ...worker, arrive }
}

describe('a worker: a failed call that may be retried', () => {
  it('puts its request back: the item becomes queued first, and then the message is sent with a delay', async () => {
    const { ports, outcomes, deferred, run, stored } = aWorker([failed()])
    const item = await ports.items.create(anItem())

    expect(await run(item)).toEqual([])

    expect(outcomes()).toEqual([])
    expect(await stored(item)).toMatchObject({
      status: 'queued',
      attempt: 1,
      not_before: NOW + 1_500,
      reached: true,
      started_at: NOW,
    })
    expect(deferred()).toEqual([{ body: asReceived(aMessage(item)), group: item.user_id, delay_seconds: 2 }])
  })

  it('a failed call removes the hints of the slot and the backlog from the message, since a second call in the used slot would exceed the limit', async () => {
    const { ports, invoke, deferred } = aWorker([failed()])
    const item = await ports.items.create(anItem())

    await invoke([{ ...aMessage(item), hints: { turn: NOW, has_waited: true } }])

    expect(deferred()).toMatchObject([{ body: asReceived(aMessage(item)) }])
    expect(deferred()[0]?.body).not.toHaveProperty('hints')
  })

  it('a failed call is repeated after growing waits, and the success of a later attempt is the outcome', async () => {
    const { ports, asked, outcomes, run, arrive } = aWorker([failed(), failed(), SUCCESS])
    await run(await ports.items.create(anItem()))

    await arrive()
    await arrive()

    expect(asked.map(({ at, body }) => [at - NOW, (body as { attempt: number }).attempt])).toEqual([
      [0, 1],
      [2_000, 2],
      // The backoff before the third attempt is between 1 s and 4 s.
      [5_000, 3],
    ])
    expect(outcomes()).toMatchObject([{ status: 'completed', attempt: 3 }])
  })

  it('a failed call is repeated as often as `retry.attempts` allows, and the last failure is the outcome', async () => {
    const { ports, asked, outcomes, deferred, run, arrive } = aWorker([failed()])
    await run(await ports.items.create(anItem()))

    await arrive()
    await arrive()

    expect(asked).toHaveLength(3)
    expect(deferred()).toHaveLength(2)
    expect(outcomes()).toMatchObject([{ status: 'failed', attempt: 3, error: { code: 'model_error' } }])
  })

  it.each([
    { code: 'model_rejected', status: 400 },
    { code: 'model_rejected', status: 422 },
    { code: 'invalid_model_response', status: undefined },
    { code: 'result_too_large', status: undefined },
  ] as const)('a call is not repeated after $code ($status), and the request fails after one attempt', async fields => {
    const { ports, outcomes, deferred, run } = aWorker([failed(fields)])

    await run(await ports.items.create(anItem()))

    expect(deferred()).toEqual([])
    expect(outcomes()).toMatchObject([{ status: 'failed', attempt: 1, error: { code: fields.code } }])
  })

  it('a call is not repeated if the response mapping can’t read the answer', async () => {
    const { ports, outcomes, deferred, run } = aWorker([{ ok: true, answer: { usage: 'none' } }])

    await run(await ports.items.create(anItem()))

    expect(deferred()).toEqual([])
    expect(outcomes()).toMatchObject([{ status: 'failed', error: { code: 'invalid_model_response' } }])
  })

  it.each([
    { asked_ms: 7_001, wait: 7_001, delay: 8 },
    { asked_ms: 100, wait: 1_500, delay: 2 },
    { asked_ms: 86_400_000, wait: 900_000, delay: 900 },
  ])(
    'a failed call is repeated after the pause that the model asks for, or after a longer backoff, but after 15 minutes at the latest ($asked_ms ms)',
    async ({ asked_ms, ...expected }) => {
      const { ports, deferred, run, stored } = aWorker([failed({ retry_after_ms: asked_ms })])
      const item = await ports.items.create(anItem())

      await run(item)

      expect(await stored(item)).toMatchObject({ not_before: NOW + expected.wait })
      expect(deferred()).toMatchObject([{ delay_seconds: expected.delay }])
    },
  )

  it('a failed call is not repeated if the wait would end after the deadline: the request expires at its deadline', async () => {
    const { ports, asked, run, stored, arrive, deferred } = aWorker([failed({ retry_after_ms: 60_000 })])
    const item = await ports.items.create(anItem({ deadline: NOW + 10_000 }))
    await run(item)
    expect(deferred()).toMatchObject([{ delay_seconds: 10 }])

    await arrive()

    expect(asked).toHaveLength(1)
    expect(await stored(item)).toMatchObject({ status: 'expired', charge: 0 })
  })

  it('a failed call is repeated only after the backoff: a message that arrives earlier is deferred to the end of the backoff', async () => {
    const { ports, asked, deferred, run, stored } = aWorker([failed()])
    const item = await ports.items.create(anItem())
    await run(item)
    const waiting = await stored(item)

    await run(item)

    expect(asked).toHaveLength(1)
    expect(deferred()).toHaveLength(2)
    expect(deferred()[1]).toMatchObject({ delay_seconds: 2 })
    expect(await stored(item)).toEqual(waiting)
  })
})

describe('a worker: a slot of the rate limit that a call has used', () => {
  it('is not used a second time by a redelivery of the same message, even if the backoff is shorter than the tolerance', async () => {
    const { ports, asked, aFlowControl, invoke } = aWorker([failed()], {
      retry: { ...RETRY, period_ms: 100, max_backoff_ms: 100 },
      rate_limit: { count: 1, interval_ms: 60_000 },
    })
    const permit = await aFlowControl().permit({ until: NOW })
    const message = { ...aMessage(await ports.items.create(anItem())), hints: { turn: permit.granted ? permit.at : 0 } }

    await invoke([message])
    ports.advance(120)
    await invoke([message])

    expect(asked).toHaveLength(1)
  })
})

describe('a worker: the charge for a run', () => {
  it.each([
    { what: 'no attempt', answers: [refused], reached: false },
    { what: 'the first attempt', answers: [failed(), refused], reached: true },
    { what: 'the second attempt', answers: [refused, failed(), refused], reached: true },
    { what: 'the last attempt', answers: [refused, refused, failed()], reached: true },
  ])('depends on whether any attempt has reached the model: here $what', async ({ answers, reached }) => {
    const { ports, outcomes, run, arrive } = aWorker(answers)
    await run(await ports.items.create(anItem()))

    await arrive()
    await arrive()

    expect(outcomes()).toMatchObject([{ status: 'failed', attempt: 3, reached }])
  })

  it('a run is charged one request if an earlier attempt has reached the model, even if the request can’t be mapped any more', async () => {
    const { ports, outcomes, run, arrive } = aWorker([failed()])
    await run(await ports.items.create(anItem()))
    const mappings = createMappings({ request: '$number(prompt)', response: '$' })

    await arrive({ ...ports, mappings })

    expect(outcomes()).toMatchObject([{ status: 'failed', attempt: 2, reached: true }])
  })
})

describe('a worker: the preparation of a retry (the item goes back to queued, and the message is sent again)', () => {
  it.each([
    { what: 'the item can’t be reached', broken: 'requeue', when: 'before' },
    { what: 'the answer of the item is lost', broken: 'requeue', when: 'after' },
    { what: 'the message can’t be sent', broken: 'send', when: 'before' },
    { what: 'the answer of the queue is lost', broken: 'send', when: 'after' },
  ] as const)(
    'leaves the message unacknowledged if it fails, and the redelivery of the message makes the retry: $what',
    async ({ broken, when }) => {
      const { ports, asked, outcomes, run } = aWorker([failed(), SUCCESS])
      const item = await ports.items.create(anItem())
      const using: WorkerPorts =
        broken === 'send'
          ? { ...ports, queue: failing(ports.queue, 'send', when) }
          : { ...ports, items: failing(ports.items, 'requeue', when) }

      expect(await run(item, using)).toEqual([0])
      ports.advance(LEASE - NOW)
      expect(await run(item)).toEqual([])

      expect(asked).toHaveLength(2)
      expect(outcomes()).toMatchObject([{ status: 'completed', attempt: 2 }])
    },
  )

  it('if the owner has cancelled the request, no retry is prepared, and the failure of the call is published', async () => {
    const { ports, outcomes, deferred, invoke, stored } = aWorker([failed()])
    const item = await ports.items.create(anItem())
    const endpoint: WorkerPorts['endpoint'] = {
      ...ports.endpoint,
      call: async (id, body) => {
        const running = await stored(item)
        if (running) await ports.items.cancel(running, NOW)
        return ports.endpoint.call(id, body)
      },
    }

    await invoke([aMessage(item)], { ...ports, endpoint })

    expect(deferred()).toEqual([])
    expect(outcomes()).toMatchObject([{ status: 'failed', attempt: 1, reached: true }])
    expect(await stored(item)).toMatchObject({ status: 'running', cancel_requested: true })
  })

  it('if the lease of the worker has expired and another worker has claimed the request, no retry is prepared: the other worker now makes the calls', async () => {
    const { ports, outcomes, deferred, invoke, stored } = aWorker([failed()])
    const item = await ports.items.create(anItem())
    const endpoint: WorkerPorts['endpoint'] = {
      ...ports.endpoint,
      call: async (id, body) => {
        const running = await stored(item)
        if (running) await ports.items.reclaim(running, { claim_id: 'other', now: LEASE, lease_until: LEASE + 95_000 })
        return ports.endpoint.call(id, body)
      },
    }

    expect(await invoke([aMessage(item)], { ...ports, endpoint })).toEqual([])

    expect([outcomes(), deferred()]).toEqual([[], []])
    expect(await stored(item)).toMatchObject({ status: 'running', attempt: 2 })
  })
})
