import { describe, expect, it } from 'vitest'
import { RequestError } from '../../../../functions/core/domain/errors.ts'
import { InferenceMessage } from '../../../../functions/core/domain/messages.ts'
import { DEFAULT_RATE } from '../../../../functions/core/domain/rate.ts'
import { STALE_RESERVATION_MS } from '../../../../functions/core/domain/timing.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../../../../functions/core/queue/names.ts'
import { MAX_INLINE_BYTES } from '../../../../functions/core/stores/payloads/port.ts'
import { answerTo, refusalOf } from '../../../support/answers.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aCaller, SETTINGS, submit, submitWith, TEXT_QUEUE, usedBy } from '../../../support/gateway.ts'
import { memoryQuota } from '../../../support/memory/quota.ts'
import { memoryPorts } from '../../../support/ports.ts'

describe('submitRequest: a request that is accepted', () => {
  it('has a reservation, an item and a message', async () => {
    const ports = memoryPorts()
    const caller = aCaller()

    const { item, limits, window, left } = await submit(ports, caller, { metadata: { tag: 'x' } })

    expect(item).toMatchObject({ user_id: caller.user_id, status: 'queued', model: 'text', estimate: 4, run: 1 })
    expect(item).toMatchObject({ created_at: NOW, deadline: NOW + 3_600_000, metadata: { tag: 'x' } })
    expect({ limits, left }).toEqual({
      limits: { requests: 3, tokens: 1_000, in_flight: 2, rate: DEFAULT_RATE },
      left: { requests: 2, tokens: 996 },
    })
    expect(window.name).toBe('2026-11-23')
    expect(await ports.items.get(caller.user_id, item.request_id)).toEqual(item)
    expect(await usedBy(ports, caller.user_id)).toEqual({ requests: 1, tokens: 4, open: 1 })

    const [message] = ports.queue.sent(TEXT_QUEUE)
    expect(InferenceMessage.parse(message?.body)).toMatchObject({
      request_id: item.request_id,
      nonce: item.nonce,
      fingerprint: item.fingerprint,
      body: { inline: { prompt: 'hello', metadata: { tag: 'x' } } },
    })
    expect(message?.group).toBe(caller.user_id)
    // No event is sent to the collector: the ledger gets the row of a request when the request ends.
    expect(ports.queue.sent(RESULTS_QUEUE)).toEqual([])
  })

  it('a request goes to the queue of its model and priority', async () => {
    const ports = memoryPorts()

    await submit(ports, aCaller({ plan: 'pro' }), { model: 'image', priority: 'high' })

    expect(ports.queue.sent('inference-image-high')).toHaveLength(1)
  })

  it('with RabbitMQ, a request goes to the bulk queue if its user has two open requests or more, so that messages of other users go first', async () => {
    const ports = { ...memoryPorts(), quota: memoryQuota(true), settings: { ...SETTINGS, gives_way_above: 2 } }
    const caller = aCaller({ in_flight: 10, requests: 10 })

    for (let i = 0; i < 4; i++) await submit(ports, caller)

    const sent = ports.queue.sent(TEXT_QUEUE)
    expect(sent.map(({ gives_way }) => gives_way)).toEqual([undefined, undefined, true, true])
    expect(sent.map(({ body }) => InferenceMessage.parse(body).hints)).toEqual([
      undefined,
      undefined,
      { gives_way: true },
      { gives_way: true },
    ])
  })

  it('a request goes to the bulk queue by its user’s open requests in all shards (parts of the counters), which are counted approximately', async () => {
    const ports = { ...memoryPorts(), quota: memoryQuota(true), settings: { ...SETTINGS, gives_way_above: 3 } }

    const caller = aCaller({ plan: 'pro' })

    for (let i = 0; i < 8; i++) await submit(ports, caller)

    // Each of four shards gets two requests. The second request in a shard goes to the bulk queue. The first one also does if
    // the gateway finds enough open requests in other shards.
    const sent = ports.queue.sent(TEXT_QUEUE)
    expect(sent[0]).not.toHaveProperty('gives_way')
    expect(sent.filter(({ gives_way }) => gives_way).length).toBeGreaterThanOrEqual(4)
  })

  it.each([11, 50, 100])(
    'a request goes to the bulk queue once its user has between 10 and 35 open requests, also in a plan with %i shards',
    async shards => {
      const plan = { requests: 10_000, tokens: 100_000, in_flight: 100 * shards, shards }
      const plans = { large: { ...plan, priorities: ['normal' as const], rate: DEFAULT_RATE } }
      const settings = { ...SETTINGS, quotas: { ...SETTINGS.quotas, default_plan: 'large', plans } }
      const ports = { ...memoryPorts(), quota: memoryQuota(true), settings: { ...settings, gives_way_above: 10 } }
      const caller = aCaller({ plan: 'large' })

      for (let i = 0; i < 300; i++) await submitWith(settings, ports, caller)

      const sent = ports.queue.sent(TEXT_QUEUE).map(({ gives_way = false }) => gives_way)
      expect(sent[0]).toBe(false)
      expect(sent.filter(givesWay => !givesWay).length).toBeLessThan(35)
      expect(sent.slice(-50)).toEqual(Array(50).fill(true))
    },
  )

  it('a request is accepted, and does not go to the bulk queue, while the other shards of its plan can’t be read', async () => {
    const ports = { ...memoryPorts(), quota: memoryQuota(true), settings: { ...SETTINGS, gives_way_above: 3 } }
    const quota = failing(ports.quota, 'read', 'before')

    await submit({ ...ports, quota }, aCaller({ plan: 'pro' }))

    expect(ports.queue.sent(TEXT_QUEUE).map(({ gives_way = false }) => gives_way)).toEqual([false])
  })

  it('a large body is stored once in the payload store, and the message has only its key', async () => {
    const ports = memoryPorts()
    const prompt = 'x'.repeat(MAX_INLINE_BYTES)

    const { item } = await submit(ports, aCaller({ tokens: 1_000_000 }), { prompt })

    const key = `requests/${item.user_id}/${item.request_id}/body.json`
    expect([...ports.payloads.stored.keys()]).toEqual([key])
    expect(await ports.payloads.get(key)).toMatchObject({ prompt })
    expect(ports.queue.sent(TEXT_QUEUE)[0]?.body).toMatchObject({ body: { key } })
  })

  it('a request is accepted while the results queue can’t be reached', async () => {
    const ports = memoryPorts()
    const queue = failing(ports.queue, 'send', 'before', name => name === RESULTS_QUEUE)

    const { item } = await submit({ ...ports, queue })

    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'queued' })
    expect(ports.metrics.add.mock.calls).toEqual([])
  })
})

describe('submitRequest: a request that the quota or the plan may refuse', () => {
  it.each([
    { limit: 'request', caller: { requests: 1 }, used: { requests: { used: 1, limit: 1 } }, wait: '49500' },
    { limit: 'token', caller: { tokens: 7 }, used: { tokens: { used: 4, limit: 7, estimated: 4 } }, wait: '49500' },
    { limit: 'in-flight', caller: { in_flight: 1 }, used: { requests: { used: 1, limit: 3 } }, wait: '5' },
  ])(
    'a refused request gets the name of the exceeded limit, and the time until a retry makes sense: $limit',
    async ({ limit, caller: overrides, used, wait }) => {
      const ports = memoryPorts()
      const caller = aCaller(overrides)
      await submit(ports, caller)

      const refused = submit(ports, caller)

      expect(await refusalOf(refused)).toMatchObject({
        statusCode: 429,
        body: { error: `${limit} quota exceeded`, code: 'quota_exceeded', ...used },
        headers: { 'Retry-After': wait },
      })
    },
  )

  it('a refused request leaves no reservation, no item and no message (I6)', async () => {
    const ports = memoryPorts()
    const caller = aCaller({ requests: 1 })
    await submit(ports, caller)
    const before = await usedBy(ports, caller.user_id)

    await expect(submit(ports, caller)).rejects.toThrow(RequestError)

    expect(await usedBy(ports, caller.user_id)).toEqual(before)
    expect(ports.queue.sent(TEXT_QUEUE)).toHaveLength(1)
    expect(ports.queue.sent(RESULTS_QUEUE)).toEqual([])
  })

  it.each([
    { what: 'a priority that its plan does not allow', fields: { priority: 'high' }, code: 'priority_not_allowed' },
    { what: 'a model that its plan does not allow', fields: { model: 'image' }, code: 'model_not_allowed' },
    { what: 'a route to such a model', fields: { model_type: 'image' }, code: 'model_not_allowed' },
    { what: 'an unknown model', fields: { model: 'gone' }, code: 'unknown_model' },
  ])('a request is refused because of $what before a reservation is made', async ({ fields, code }) => {
    const ports = memoryPorts()
    const quota = { ...ports.quota, reserve: () => expect.unreachable() }

    await expect(submit({ ...ports, quota }, aCaller({ plan: 'texts' }), fields)).rejects.toMatchObject({ code })
  })

  it.each([
    { fields: { model: 'image' }, message: 'the plan texts does not allow the model "image"; it allows text' },
    {
      fields: { model_type: 'image' },
      message: 'the plan texts does not allow the model that this request is routed to; it allows text',
    },
  ])(
    'a refused request gets an error that names only models that its plan allows: $fields',
    async ({ fields, message }) => {
      await expect(submit(memoryPorts(), aCaller({ plan: 'texts' }), fields)).rejects.toMatchObject({ message })
    },
  )

  it('a request is admitted for a model that its plan names, and for any model if the plan names no models', async () => {
    expect((await submit(memoryPorts(), aCaller({ plan: 'texts' }), { model: 'text' })).item.model).toBe('text')
    expect((await submit(memoryPorts(), aCaller(), { model: 'image' })).item.model).toBe('image')
  })

  it('a request is admitted on the default plan if the plan of its user does not exist any more', async () => {
    const { limits } = await submit(memoryPorts(), aCaller({ plan: 'gone' }))

    expect(limits.requests).toBe(3)
  })

  it('a request is not refused if the quota is used up by reservations that a crash has left, since the gateway closes these first', async () => {
    const ports = memoryPorts()
    const caller = aCaller({ in_flight: 1 })
    const items = failing(ports.items, 'create', 'before')
    const broken = { ...ports, items: failing(items, 'reject', 'before') }
    await expect(submit(broken, caller)).rejects.toThrow(Unavailable)
    await expect(submit(ports, caller)).rejects.toThrow('in-flight quota exceeded')

    ports.advance(STALE_RESERVATION_MS)
    const { item } = await submit(ports, caller)

    expect(await usedBy(ports, caller.user_id)).toEqual({ requests: 1, tokens: 4, open: 1 })
    expect(item.status).toBe('queued')
  })
})

describe('submitRequest: a request with a larger estimate than the whole limit of tokens', () => {
  it('is refused with an error that says that it can never be admitted, even if other limits are used up, too', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    await submit(ports, caller)
    await submit(ports, caller)

    const { statusCode, body, headers } = await refusalOf(submit(ports, caller, { max_tokens: 999 }))

    expect(statusCode).toBe(429)
    expect(body).toMatchObject({
      error: expect.stringMatching(/1001 tokens, .* at most 1000, so it can never be admitted/),
      code: 'quota_exceeded',
      limit: 'tokens',
      tokens: { used: 8, limit: 1_000, estimated: 1_001 },
      in_flight: { used: 2, limit: 2 },
    })
    expect(headers).not.toHaveProperty('Retry-After')
    expect(headers).toMatchObject({ 'x-should-retry': 'false' })
  })
})

describe('submitRequest: with a plan of several shards, i.e. parts of a user’s counters', () => {
  const pro = () => aCaller({ plan: 'pro' })

  it('tries another shard if the first shard is full, and refuses if all tried shards are full', async () => {
    const ports = memoryPorts()
    const caller = pro()

    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => submit(ports, caller)))

    const accepted = outcomes.filter(({ status }) => status === 'fulfilled')
    const inFlight = await Promise.all(
      [0, 1, 2, 3].map(async shard => (await ports.quota.read(caller.user_id, '2026-11-23', shard)).open.length),
    )
    expect(inFlight).toEqual([2, 2, 2, 2])
    expect(accepted).toHaveLength(8)
  })

  it('a refusal gives the limits and the used parts as sums over all shards (parts of a user’s counters)', async () => {
    const ports = memoryPorts()
    const caller = pro()
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => submit(ports, caller)))
    const accepted = outcomes.filter(({ status }) => status === 'fulfilled').length

    const refused = outcomes.findLast(outcome => outcome.status === 'rejected')

    expect(answerTo(refused?.reason).body).toMatchObject({ requests: { limit: 40 }, tokens: { limit: 4_000 } })
    expect((await refusalOf(submit(ports, caller))).body).toMatchObject({ requests: { used: accepted } })
  })

  it('with several shards, no answer has the unused part of the limits, since the item of one shard does not have the counters of the others', async () => {
    const ports = memoryPorts()
    const caller = pro()

    const { left } = await submit(ports, caller)
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => submit(ports, caller)))
    const refused = outcomes.findLast(outcome => outcome.status === 'rejected')

    expect(left).toBeUndefined()
    expect(answerTo(refused?.reason).headers).not.toHaveProperty('RateLimit')
    expect(answerTo(refused?.reason).headers).toHaveProperty('RateLimit-Policy')
  })

  it('refuses a request with a larger estimate than the limit of one shard, with an error that says that it can never be admitted', async () => {
    const { body, headers } = await refusalOf(submit(memoryPorts(), pro(), { max_tokens: 1_000 }))

    expect(body).toMatchObject({ limit: 'tokens', tokens: { limit: 4_000, estimated: 1_002 } })
    expect(body.error).toMatch(/1002 tokens, and one request may have at most 1000, so it can never be admitted/)
    expect(headers).not.toHaveProperty('Retry-After')
    expect(headers).toMatchObject({ 'x-should-retry': 'false' })
  })

  it('writes the shard that has admitted the request into the request item and the message', async () => {
    const ports = memoryPorts()
    const caller = pro()
    const { item } = await submit(ports, caller)

    const { open } = await ports.quota.read(caller.user_id, '2026-11-23', item.shard)

    expect(open.map(({ reservation }) => reservation.request_id)).toEqual([item.request_id])
    expect(ports.queue.sent(TEXT_QUEUE)[0]?.body).toMatchObject({ shard: item.shard })
  })
})
