import { describe, expect, it } from 'vitest'
import { createMappings } from '../../../../functions/inference/mapping.ts'
import type { ModelAnswer } from '../../../../functions/inference/port.ts'
import { MAX_INLINE_BYTES } from '../../../../functions/payloads/port.ts'
import { Unavailable } from '../../../../functions/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../../../../functions/queue/names.ts'
import type { RequestItem } from '../../../../functions/requests/item.ts'
import { reservationOf } from '../../../../functions/requests/item.ts'
import { OutcomeEvent } from '../../../../functions/requests/messages.ts'
import { ITEM_GRACE_MS } from '../../../../functions/requests/timing.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { runRequest } from '../../../../functions/worker/run-request.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { memoryPorts } from '../../../support/ports.ts'
import { aMessage, anItem, newUser } from '../../../support/requests.ts'

const OWN_QUEUE = 'inference-text-normal'
const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
const LEASE = NOW + 60_000

const mappings = createMappings({
  request: '{ "input": prompt, "attempt": attempt }',
  response: '{ "result": result, "usage": usage }',
})

/** A worker whose model gives `answer`, and what it was asked. */
function aWorker(answer: ModelAnswer = { ok: true, answer: { result: 'hi', usage: USAGE } }) {
  const memory = memoryPorts()
  const asked: unknown[] = []
  const endpoint: WorkerPorts['endpoint'] = {
    call: async (requestId, body) => {
      asked.push({ requestId, body })
      return answer
    },
  }
  const ports = { ...memory, endpoint, mappings }
  const outcomes = () => memory.queue.sent(RESULTS_QUEUE).map(({ body }) => OutcomeEvent.parse(body))
  const deferred = () => memory.queue.sent(OWN_QUEUE)
  const run = (item: RequestItem, using: WorkerPorts = ports, body: unknown = undefined) =>
    runRequest(using, { message: aMessage(item, body), lease_until: LEASE, store_prompts: true })
  return { ports, asked, outcomes, deferred, run }
}

describe('runRequest: a request whose turn it is', () => {
  it('is claimed, sent to the model, and its outcome published', async () => {
    const { ports, asked, outcomes, deferred, run } = aWorker()
    const item = await ports.items.create(anItem({ user_id: newUser() }))

    await run(item)

    expect(asked).toEqual([{ requestId: item.request_id, body: { input: 'hello', attempt: 1 } }])
    expect(outcomes()).toMatchObject([
      {
        request_id: item.request_id,
        attempt: 1,
        status: 'completed',
        reached: true,
        usage: USAGE,
        result: { inline: 'hi' },
        prompt: { inline: 'hello' },
      },
    ])
    expect(deferred()).toEqual([])
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({
      status: 'running',
      attempt: 1,
      lease_until: LEASE,
    })
  })

  it('is run once, however many workers have its message at once', async () => {
    const { ports, asked, outcomes, run } = aWorker()
    const item = await ports.items.create(anItem())

    await Promise.all(Array.from({ length: 5 }, () => run(item)))

    expect(asked).toHaveLength(1)
    expect(outcomes()).toHaveLength(1)
  })

  it('fetches a large body, and keeps its key for the prompt', async () => {
    const { ports, asked, outcomes } = aWorker()
    const item = await ports.items.create(anItem())
    await ports.payloads.put('body.json', '{"prompt":"long"}')

    const message = { ...aMessage(item), body: { key: 'body.json' } }
    await runRequest(ports, { message, lease_until: LEASE, store_prompts: true })

    expect(asked).toMatchObject([{ body: { input: 'long' } }])
    expect(outcomes()).toMatchObject([{ prompt: { key: 'body.json' } }])
  })

  it('puts a large result into the payload store, under a key of this run and attempt', async () => {
    const result = 'x'.repeat(MAX_INLINE_BYTES)
    const { ports, outcomes, run } = aWorker({ ok: true, answer: { result } })
    const item = await ports.items.create(anItem())

    await run(item)

    const key = `requests/u42/${item.request_id}/1-1-result.json`
    expect(outcomes()).toMatchObject([{ result: { key } }])
    expect(await ports.payloads.get(key)).toBe(result)
  })

  it('does not tell the ledger its prompt where prompts are not stored', async () => {
    const { ports, outcomes } = aWorker()
    const item = await ports.items.create(anItem())

    await runRequest(ports, { message: aMessage(item), lease_until: LEASE, store_prompts: false })

    expect(outcomes()[0]).not.toHaveProperty('prompt')
  })
})

describe('runRequest: a model that fails', () => {
  it.each(['model_error', 'model_rejected', 'model_timeout', 'model_unreachable', 'result_too_large'] as const)(
    'is a failed outcome with the code %s, and what was to be run beside it',
    async code => {
      const { ports, outcomes, run } = aWorker({ ok: false, code, message: 'a sentence' })
      const item = await ports.items.create(anItem())

      await run(item)

      expect(outcomes()).toMatchObject([
        {
          status: 'failed',
          reached: true,
          error: { code, message: 'a sentence' },
          message: { request_id: item.request_id, body: { inline: { prompt: 'hello' } } },
        },
      ])
    },
  )

  it('is not charged for, and not called, when the request can’t be mapped', async () => {
    const { ports, asked, outcomes, run } = aWorker()
    const item = await ports.items.create(anItem())
    const broken = { ...ports, mappings: createMappings({ request: '$number(prompt)', response: '$' }) }

    await run(item, broken)

    expect(asked).toEqual([])
    expect(outcomes()).toMatchObject([{ status: 'failed', reached: false, error: { code: 'mapping_failed' } }])
  })

  it.each([{ usage: { total_tokens: -1 }, result: 1 }, { nothing: true }, null, 5])(
    'was reached when its answer can’t be mapped: %j',
    async answer => {
      const { ports, outcomes, run } = aWorker({ ok: true, answer })
      const item = await ports.items.create(anItem())

      await run(item)

      expect(outcomes()).toMatchObject([{ status: 'failed', reached: true, error: { code: 'invalid_model_response' } }])
    },
  )

  it('is charged what it reported when its result is larger than can be kept', async () => {
    const answer = { result: 'x'.repeat(4 * 1024 * 1024), usage: USAGE }
    const { ports, outcomes, run } = aWorker({ ok: true, answer })
    const item = await ports.items.create(anItem())

    await run(item)

    expect(outcomes()).toMatchObject([{ status: 'failed', usage: USAGE, error: { code: 'result_too_large' } }])
  })
})

describe('runRequest: a message that comes again, or at the wrong time', () => {
  it.each(['completed', 'failed', 'cancelled', 'expired', 'rejected'] as const)(
    'is dropped when its request is %s',
    async status => {
      const { ports, asked, outcomes, deferred, run } = aWorker()
      const item = await ports.items.create(anItem({ status, attempt: 1 }))

      await run(item)

      expect([asked, outcomes(), deferred()]).toEqual([[], [], []])
    },
  )

  it.each([{ run: 2 }, { fingerprint: 'e'.repeat(64) }])(
    'is dropped when the request is another by now (%j)',
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
    'is sent again with a delay until the end of $what, and spends no attempt (I8)',
    async ({ fields, delay }) => {
      const { ports, asked, deferred, run } = aWorker()
      const item = await ports.items.create(anItem(fields))

      await run(item)

      expect(asked).toEqual([])
      expect(deferred()).toMatchObject([{ group: 'u42', delay_seconds: delay }])
      expect(deferred()[0]?.body).toEqual(JSON.parse(JSON.stringify(aMessage(item))))
      expect(await ports.items.get(item.user_id, item.request_id)).toEqual(item)
    },
  )

  it('is not acknowledged when it could not be sent again', async () => {
    const { ports, run } = aWorker()
    const item = await ports.items.create(anItem({ not_before: NOW + 5_000 }))

    await expect(run(item, { ...ports, queue: failing(ports.queue, 'send', 'before') })).rejects.toThrow(Unavailable)
  })

  it('ends its request when the deadline has passed: the ledger is told, nothing is charged', async () => {
    const { ports, asked, run } = aWorker()
    const item = await ports.items.create(anItem({ user_id: newUser(), deadline: NOW }))
    await ports.quota.reserve(reservationOf(item), { requests: 9, tokens: 99, in_flight: 9 }, NOW)

    await run(item)

    expect(asked).toEqual([])
    expect(ports.queue.sent(RESULTS_QUEUE)).toMatchObject([{ body: { type: 'ended', status: 'expired' } }])
    expect(await ports.quota.read(item.user_id, item.window, 0)).toEqual({ requests: 0, tokens: 0, open: [] })
  })
})

describe('runRequest: a worker before it that crashed', () => {
  const abandoned = { status: 'running', attempt: 1, started_at: NOW - 9, lease_until: NOW } as const

  it('has its request run anew, and one crash counted', async () => {
    const { ports, asked, outcomes, run } = aWorker()
    const item = await ports.items.create(anItem(abandoned))

    await run(item)

    expect(asked).toMatchObject([{ body: { attempt: 2 } }])
    expect(outcomes()).toMatchObject([{ attempt: 2, status: 'completed' }])
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ crashes: 1, attempt: 2 })
  })

  it('has its request given up at the third crash, without a further call', async () => {
    const { ports, asked, outcomes, run } = aWorker()
    const item = await ports.items.create(anItem({ ...abandoned, attempt: 3, crashes: 2 }))

    await run(item)

    expect(asked).toEqual([])
    expect(outcomes()).toMatchObject([
      { attempt: 3, status: 'failed', reached: true, error: { code: 'worker_crashed' }, message: expect.anything() },
    ])
  })

  it('defers to another worker that was quicker to take it over', async () => {
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

describe('runRequest: a message without an item', () => {
  it.each([
    { age: 0, delay_seconds: 1 },
    { age: 4_000, delay_seconds: 4 },
    { age: ITEM_GRACE_MS - 3_000, delay_seconds: 3 },
  ])('waits as long as it is old ($age ms) for the gateway’s write, and no longer than the grace', async wait => {
    const { ports, deferred, run } = aWorker()
    const item = anItem()
    ports.advance(wait.age)

    await run(item)

    expect(deferred()).toMatchObject([{ delay_seconds: wait.delay_seconds }])
  })

  it('is rejected, and its reservation given back, when the write never came', async () => {
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

describe('runRequest: a call of its own that fails', () => {
  const breakable: { call: string; broken: (ports: WorkerPorts) => WorkerPorts }[] = [
    { call: 'payloads.get', broken: p => ({ ...p, payloads: failing(p.payloads, 'get', 'before') }) },
    { call: 'payloads.put', broken: p => ({ ...p, payloads: failing(p.payloads, 'put', 'before') }) },
    { call: 'items.claim', broken: p => ({ ...p, items: failing(p.items, 'claim', 'before') }) },
    { call: 'endpoint.call', broken: p => ({ ...p, endpoint: failing(p.endpoint, 'call', 'before') }) },
    { call: 'queue.send', broken: p => ({ ...p, queue: failing(p.queue, 'send', 'before') }) },
  ]

  it.each(breakable)('brings the message again, and the request to its end then ($call)', async ({ broken }) => {
    const { ports, outcomes } = aWorker({ ok: true, answer: { result: 'x'.repeat(MAX_INLINE_BYTES) } })
    const item = await ports.items.create(anItem())
    await ports.payloads.put('body.json', '{"prompt":"long"}')
    const message = { ...aMessage(item), body: { key: 'body.json' } }
    const run = { message, lease_until: LEASE, store_prompts: true }

    await expect(runRequest(broken(ports), run)).rejects.toThrow(Unavailable)
    expect(outcomes()).toEqual([])

    ports.advance(LEASE - NOW)
    await runRequest(ports, run)
    expect(outcomes()).toMatchObject([{ status: 'completed' }])
  })

  it('claims under the same name when the claim’s answer was lost and the client tries again', async () => {
    const { ports, asked, run } = aWorker()
    const item = await ports.items.create(anItem())
    const claim: WorkerPorts['items']['claim'] = async (message, terms) => {
      await ports.items.claim(message, terms)
      return ports.items.claim(message, terms)
    }

    await run(item, { ...ports, items: { ...ports.items, claim } })

    expect(asked).toHaveLength(1)
  })
})
