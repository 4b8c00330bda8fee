import { describe, expect, it } from 'vitest'
import type { GatewayPorts } from '../../../../functions/gateway/ports.ts'
import { createRouter } from '../../../../functions/gateway/route.ts'
import { submitRequest } from '../../../../functions/gateway/submit-request.ts'
import { MAX_INLINE_BYTES } from '../../../../functions/payloads/port.ts'
import { Unavailable } from '../../../../functions/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../../../../functions/queue/names.ts'
import { ApiError } from '../../../../functions/requests/errors.ts'
import { AcceptedEvent, InferenceMessage } from '../../../../functions/requests/messages.ts'
import { STALE_RESERVATION_MS } from '../../../../functions/requests/timing.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aCaller, aSubmission, SETTINGS } from '../../../support/gateway.ts'
import { type MemoryPorts, memoryPorts } from '../../../support/ports.ts'
import { aMessage } from '../../../support/requests.ts'

const TEXT_QUEUE = 'inference-text-normal'
const route = createRouter(SETTINGS)

const submit = (ports: GatewayPorts, caller = aCaller(), fields = {}) =>
  submitRequest(ports, SETTINGS, route, caller, aSubmission(fields))

async function usedBy({ quota }: Pick<GatewayPorts, 'quota'>, user_id: string) {
  const { requests, tokens, open } = await quota.read(user_id, '2026-11-23', 0)
  return { requests, tokens, open: open.length }
}
const NOTHING = { requests: 0, tokens: 0, open: 0 }

describe('submitRequest: a request that is accepted', () => {
  it('is reserved, written, sent and announced', async () => {
    const ports = memoryPorts()
    const caller = aCaller()

    const { item, limits, window, left } = await submit(ports, caller, { metadata: { tag: 'x' } })

    expect(item).toMatchObject({ user_id: caller.user_id, status: 'queued', model: 'text', estimate: 4, run: 1 })
    expect(item).toMatchObject({ created_at: NOW, deadline: NOW + 3_600_000, metadata: { tag: 'x' } })
    expect({ limits, left }).toEqual({
      limits: { requests: 3, tokens: 1_000, in_flight: 2 },
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
    const [event] = ports.queue.sent(RESULTS_QUEUE)
    expect(AcceptedEvent.parse(event?.body)).toMatchObject({ request_id: item.request_id, prompt: { inline: 'hello' } })
    expect([message?.group, event?.group]).toEqual([caller.user_id, caller.user_id])
  })

  it('goes to the queue of its model and priority', async () => {
    const ports = memoryPorts()

    await submit(ports, aCaller({ plan: 'pro' }), { model: 'image', priority: 'high' })

    expect(ports.queue.sent('inference-image-high')).toHaveLength(1)
  })

  it('travels by reference when it is large, and is stored once', async () => {
    const ports = memoryPorts()
    const prompt = 'x'.repeat(MAX_INLINE_BYTES)

    const { item } = await submit(ports, aCaller({ tokens: 1_000_000 }), { prompt })

    const key = `requests/${item.user_id}/${item.request_id}/body.json`
    expect([...ports.payloads.stored.keys()]).toEqual([key])
    expect(await ports.payloads.get(key)).toMatchObject({ prompt })
    expect(ports.queue.sent(TEXT_QUEUE)[0]?.body).toMatchObject({ body: { key } })
    expect(ports.queue.sent(RESULTS_QUEUE)[0]?.body).toMatchObject({ prompt: { key } })
  })

  it('does not tell the ledger its prompt where prompts are not stored', async () => {
    const ports = memoryPorts()

    await submitRequest(ports, { ...SETTINGS, store_prompts: false }, route, aCaller(), aSubmission())

    expect(ports.queue.sent(RESULTS_QUEUE)[0]?.body).not.toHaveProperty('prompt')
  })

  it('is accepted though its announcement is lost, which is only counted', async () => {
    const ports = memoryPorts()
    const queue = failing(ports.queue, 'send', 'before', name => name === RESULTS_QUEUE)

    const { item } = await submit({ ...ports, queue })

    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'queued' })
    expect(ports.metrics.addMetric.mock.calls).toEqual([['LostAcceptedEvents', 'Count', 1]])
  })
})

describe('submitRequest: a request that is refused', () => {
  it.each([
    { limit: 'request', caller: { requests: 1 }, used: { requests: { used: 1, limit: 1 } }, wait: '49500' },
    { limit: 'token', caller: { tokens: 7 }, used: { tokens: { used: 4, limit: 7, estimated: 4 } }, wait: '49500' },
    { limit: 'in-flight', caller: { in_flight: 1 }, used: { requests: { used: 1, limit: 3 } }, wait: '5' },
  ])('is told which quota it exceeds, and for how long: $limit', async ({ limit, caller: overrides, used, wait }) => {
    const ports = memoryPorts()
    const caller = aCaller(overrides)
    await submit(ports, caller)

    const refused = submit(ports, caller)

    await expect(refused).rejects.toThrow(`${limit} quota exceeded`)
    await expect(refused).rejects.toMatchObject({
      code: 'quota_exceeded',
      body: used,
      headers: { 'Retry-After': wait },
    })
  })

  it('leaves nothing behind (I6)', async () => {
    const ports = memoryPorts()
    const caller = aCaller({ requests: 1 })
    await submit(ports, caller)
    const before = await usedBy(ports, caller.user_id)

    await expect(submit(ports, caller)).rejects.toThrow(ApiError)

    expect(await usedBy(ports, caller.user_id)).toEqual(before)
    expect(ports.queue.sent(TEXT_QUEUE)).toHaveLength(1)
    expect(ports.queue.sent(RESULTS_QUEUE)).toHaveLength(1)
  })

  it.each([
    { what: 'a priority that its plan does not allow', fields: { priority: 'high' }, code: 'priority_not_allowed' },
    { what: 'an unknown model', fields: { model: 'gone' }, code: 'unknown_model' },
  ])('is told of $what before anything is reserved', async ({ fields, code }) => {
    const ports = memoryPorts()
    const quota = { ...ports.quota, reserve: () => expect.unreachable() }

    await expect(submit({ ...ports, quota }, aCaller(), fields)).rejects.toMatchObject({ code })
  })

  it('is admitted on the default plan when its own is gone', async () => {
    const { limits } = await submit(memoryPorts(), aCaller({ plan: 'gone' }))

    expect(limits.requests).toBe(3)
  })

  it('is admitted in place of reservations that a crash has left', async () => {
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

describe('submitRequest: over shards', () => {
  const pro = () => aCaller({ plan: 'pro' })

  it('tries another shard when the first is full, and refuses when those are', async () => {
    const ports = memoryPorts()
    const caller = pro()

    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => submit(ports, caller)))

    const accepted = outcomes.filter(({ status }) => status === 'fulfilled')
    const inFlight = await Promise.all(
      [0, 1, 2, 3].map(async shard => (await ports.quota.read(caller.user_id, '2026-11-23', shard)).open.length),
    )
    expect(inFlight.every(open => open <= 2)).toBe(true)
    expect(accepted.length).toBe(inFlight.reduce((sum, open) => sum + open, 0))
    expect(accepted.length).toBeGreaterThanOrEqual(6)
  })

  it('says in a refusal what is used over all of them', async () => {
    const ports = memoryPorts()
    const caller = pro()
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => submit(ports, caller)))
    const accepted = outcomes.filter(({ status }) => status === 'fulfilled').length

    const refused = outcomes.findLast(({ status }) => status === 'rejected')

    expect(refused).toMatchObject({ reason: { body: { requests: { limit: 40 }, tokens: { limit: 4_000 } } } })
    await expect(submit(ports, caller)).rejects.toMatchObject({ body: { requests: { used: accepted } } })
  })

  it('writes the shard that admitted it into item and message', async () => {
    const ports = memoryPorts()
    const caller = pro()
    const { item } = await submit(ports, caller)

    const { open } = await ports.quota.read(caller.user_id, '2026-11-23', item.shard)

    expect(open.map(({ reservation }) => reservation.request_id)).toEqual([item.request_id])
    expect(ports.queue.sent(TEXT_QUEUE)[0]?.body).toMatchObject({ shard: item.shard })
  })
})

/** Each call that a submission makes, failing before its effect and after it. */
const FAILURES: { call: string; when: 'before' | 'after'; breaking: (ports: MemoryPorts) => MemoryPorts }[] = (
  ['before', 'after'] as const
).flatMap(when => [
  { call: 'quota.reserve', when, breaking: p => ({ ...p, quota: failing(p.quota, 'reserve', when) }) },
  { call: 'payloads.put', when, breaking: p => ({ ...p, payloads: failing(p.payloads, 'put', when) }) },
  { call: 'items.create', when, breaking: p => ({ ...p, items: failing(p.items, 'create', when) }) },
  {
    call: 'queue.send of the message',
    when,
    breaking: p => ({ ...p, queue: failing(p.queue, 'send', when, queue => queue === TEXT_QUEUE) }),
  },
])

describe('submitRequest: a call that fails', () => {
  const LARGE = { prompt: 'x'.repeat(MAX_INLINE_BYTES) }

  it.each(FAILURES)(
    'is unavailable, and nothing stays charged, when $call fails $when its effect (I6)',
    async ({ breaking }) => {
      const ports = memoryPorts()
      const caller = aCaller({ tokens: 1_000_000 })

      await expect(submit(breaking(ports), caller, LARGE)).rejects.toThrow(Unavailable)

      expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)
      const told = ports.queue.sent(RESULTS_QUEUE).map(({ body }) => body as { type: string; status?: string })
      expect(told.at(-1)).toMatchObject({ type: 'ended', status: 'rejected' })
      for (const { body } of ports.queue.sent(TEXT_QUEUE)) {
        const message = InferenceMessage.parse(body)
        const terms = { claim_id: 'c', now: NOW, lease_until: NOW + 1 }
        expect(await ports.items.claim(message, terms)).toMatchObject({ claimed: false, item: { status: 'rejected' } })
      }
    },
  )

  it.each(FAILURES)(
    'leaves at most a reservation, which is closed later, when $call fails $when and taking back fails, too',
    async ({ breaking }) => {
      const ports = memoryPorts()
      const caller = aCaller({ tokens: 1_000_000 })
      const broken = breaking(ports)
      const noTakingBack = { ...broken, items: failing(broken.items, 'reject', 'before') }
      await expect(submit(noTakingBack, caller, LARGE)).rejects.toThrow(Unavailable)

      const { open } = await ports.quota.read(caller.user_id, '2026-11-23', 0)
      for (const { reservation } of open) {
        const item = await ports.items.get(caller.user_id, reservation.request_id)
        const isHeldByItsRequest = item?.status === 'queued'
        if (!isHeldByItsRequest) expect(item).toBeUndefined()
      }
    },
  )

  it('is accepted after all when its message ran before it could be taken back: 202', async () => {
    const ports = memoryPorts()
    const create: MemoryPorts['items']['create'] = async item => {
      await ports.items.create(item)
      await ports.items.claim(aMessage(item), { claim_id: 'c', now: NOW, lease_until: NOW + 1 })
      throw new Unavailable('the requests table', 'the answer was lost')
    }

    const { item } = await submit({ ...ports, items: { ...ports.items, create } })

    expect(item).toMatchObject({ status: 'running', attempt: 1 })
    expect(await usedBy(ports, item.user_id)).toEqual({ requests: 1, tokens: 4, open: 1 })
  })

  it('keeps the reservation until the ledger was told that it is rejected (rule 4)', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    const broken = {
      ...ports,
      items: failing(ports.items, 'create', 'before'),
      queue: failing(ports.queue, 'send', 'before', queue => queue === RESULTS_QUEUE),
    }

    await expect(submit(broken, caller)).rejects.toThrow(Unavailable)

    expect(await usedBy(ports, caller.user_id)).toEqual({ requests: 1, tokens: 4, open: 1 })
  })

  it('does not hide a bug of ours behind a 503', async () => {
    const ports = memoryPorts()
    const payloads = { ...ports.payloads, put: () => Promise.reject(new TypeError('a bug')) }
    const caller = aCaller({ tokens: 1_000_000 })

    await expect(submit({ ...ports, payloads }, caller, LARGE)).rejects.toThrow(TypeError)

    expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)
  })
})
