import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { prepare } from '../../../../functions/core/admission/prepare.ts'
import { createRouter } from '../../../../functions/core/admission/route.ts'
import { reservationOf } from '../../../../functions/core/domain/item.ts'
import { acceptedAnswer } from '../../../../functions/core/inference-api/answers.ts'
import type { Caller } from '../../../../functions/core/platform/caller.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../../../../functions/core/queue/names.ts'
import type { GatewayPorts } from '../../../../functions/gateway/ports.ts'
import { submitKeyed } from '../../../../functions/gateway/submit-keyed.ts'
import { withdrawSubmission } from '../../../../functions/gateway/withdraw-submission.ts'
import { failing } from '../../../support/failing.ts'
import { aCaller, aSubmission, SETTINGS } from '../../../support/gateway.ts'
import { memoryPorts } from '../../../support/ports.ts'

const TEXT_QUEUE = 'inference-text-normal'
const KEY = 'order-4711'
const DAY = 86_400_000
const route = createRouter(SETTINGS)

const submit = async (ports: GatewayPorts, caller = aCaller(), fields = {}, key = KEY) =>
  (await submitKeyed(ports, key, await prepare(ports, SETTINGS, route, caller, aSubmission(fields)))).item

const usedBy = async ({ quota }: Pick<GatewayPorts, 'quota'>, userId: string, window = '2026-11-23') => {
  const { requests, tokens, open } = await quota.read(userId, window, 0)
  return { requests, tokens, open: open.length }
}
const ONE = { requests: 1, tokens: 4, open: 1 }
const NOTHING = { requests: 0, tokens: 0, open: 0 }

describe('submitKeyed: a POST with an Idempotency-Key', () => {
  it('gives a repeated call the same request, which is charged once', async () => {
    const ports = memoryPorts()
    const caller = aCaller()

    const first = await submit(ports, caller)
    ports.advance(5_000)
    const again = await submit(ports, caller)

    expect(again).toEqual(first)
    expect(await usedBy(ports, caller.user_id)).toEqual(ONE)
  })

  describe('the remaining amounts in the answer to a repeated call', () => {
    const answerOf = async (ports: GatewayPorts, caller: Caller) => {
      const prepared = await prepare(ports, SETTINGS, route, caller, aSubmission())
      return acceptedAnswer(prepared, await submitKeyed(ports, KEY, prepared))
    }

    it('are those of the first answer, if no other request was admitted in between', async () => {
      const ports = memoryPorts()
      const caller = aCaller()

      const first = await answerOf(ports, caller)

      expect(first.headers).toMatchObject({ RateLimit: expect.stringMatching(/^"requests";r=2;.* "tokens";r=996;/) })
      expect(await answerOf(ports, caller)).toEqual(first)
    })

    it('are the present ones, and at least 0', async () => {
      const ports = memoryPorts()
      const caller = aCaller()
      const item = await submit(ports, caller)
      await ports.quota.close([{ reservation: reservationOf(item), charge: 5_000 }])

      expect((await answerOf(ports, caller)).headers).toMatchObject({
        RateLimit: expect.stringMatching(/^"requests";r=2;.* "tokens";r=0;/),
      })
    })

    it.each([
      { what: 'if the plan has several shards', plan: 'pro', broken: (ports: GatewayPorts) => ports },
      {
        what: 'while the quota table is unavailable',
        plan: 'free',
        broken: (ports: GatewayPorts) => ({ ...ports, quota: failing(ports.quota, 'read', 'before') }),
      },
    ])('are left out $what', async ({ plan, broken }) => {
      const ports = memoryPorts()
      const caller = aCaller({ plan })
      const first = await answerOf(ports, caller)

      const again = await answerOf(broken(ports), caller)

      expect(again.body).toEqual(first.body)
      expect(again.headers).not.toHaveProperty('RateLimit')
    })
  })

  it('treats a body with the same fields in another order as the same body', async () => {
    const ports = memoryPorts()
    const caller = aCaller()

    const first = await submit(ports, caller, { parameters: { seed: 1, stop: ['a'] }, lang: 'en', tag: 'x' })
    const again = await submit(ports, caller, { tag: 'x', lang: 'en', parameters: { stop: ['a'], seed: 1 } })

    expect(again).toEqual(first)
    expect(await usedBy(ports, caller.user_id)).toEqual(ONE)
  })

  it('recognizes a key that version 0.1.0 has stored, whose fingerprint depends on the order of the fields', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    const fields = { zone: 'eu', lang: 'en' }
    const { body } = aSubmission(fields)
    const fingerprint = createHash('sha256').update(JSON.stringify(body)).digest('hex')
    const requestId = ports.ids.request(ports.clock())
    await ports.keys.bind(caller.user_id, KEY, { request_id: requestId, fingerprint }, ports.clock())

    expect((await submit(ports, caller, fields)).request_id).toBe(requestId)
    await expect(submit(ports, caller, { ...fields, lang: 'fr' })).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    })
  })

  it('gives many simultaneous calls with one key the same request, which is charged once', async () => {
    const ports = memoryPorts()
    const caller = aCaller()

    const items = await Promise.all(Array.from({ length: 50 }, () => submit(ports, caller)))

    expect(new Set(items.map(({ request_id }) => request_id)).size).toBe(1)
    expect(await usedBy(ports, caller.user_id)).toEqual(ONE)
  })

  it('gives two users with the same key different requests', async () => {
    const ports = memoryPorts()

    const [one, two] = [await submit(ports), await submit(ports)]

    expect(one.request_id).not.toBe(two.request_id)
  })

  it('refuses a call with the same key and another body, even if both calls come at the same time', async () => {
    const ports = memoryPorts()
    const caller = aCaller()

    const answers = await Promise.allSettled([
      submit(ports, caller, { prompt: 'one' }),
      submit(ports, caller, { prompt: 'two' }),
    ])

    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'idempotency_mismatch' },
    })
    expect((await usedBy(ports, caller.user_id)).requests).toBe(1)
  })

  it.each([
    { what: 'model', from: 'free', to: 'texts', fields: { model: 'image' }, code: 'model_not_allowed' },
    { what: 'priority', from: 'pro', to: 'texts', fields: { priority: 'high' }, code: 'priority_not_allowed' },
  ])(
    'gives a repeated call the same request, even if the plan does not allow the $what any more',
    async ({ from, to, fields, code }) => {
      const ports = memoryPorts()
      const caller = aCaller({ plan: from })
      const first = await submit(ports, caller, fields)

      const again = await submit(ports, { ...caller, plan: to }, fields)

      expect(again).toEqual(first)
      await expect(submit(ports, { ...caller, plan: to }, fields, 'another key')).rejects.toMatchObject({ code })
    },
  )

  it('admits a repeated call whose first call the plan had refused, once the plan allows it', async () => {
    const ports = memoryPorts()
    const caller = aCaller({ plan: 'texts' })
    await expect(submit(ports, caller, { model: 'image' })).rejects.toMatchObject({ code: 'model_not_allowed' })
    expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)

    expect((await submit(ports, { ...caller, plan: 'free' }, { model: 'image' })).model).toBe('image')
    expect(await usedBy(ports, caller.user_id)).toEqual(ONE)
  })

  it('makes another request for the same key after a day', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    const first = await submit(ports, caller)
    ports.advance(DAY)

    expect((await submit(ports, caller)).request_id).not.toBe(first.request_id)
  })

  const failures: { what: string; broken: (ports: GatewayPorts) => GatewayPorts }[] = [
    ...(['before', 'after'] as const).flatMap(when => [
      {
        what: `the write of the key, ${when} its effect`,
        broken: (p: GatewayPorts) => ({ ...p, keys: failing(p.keys, 'bind', when) }),
      },
      {
        what: `the reservation, ${when} its effect`,
        broken: (p: GatewayPorts) => ({ ...p, quota: failing(p.quota, 'reserve', when) }),
      },
      {
        what: `the write of the item, ${when} its effect`,
        broken: (p: GatewayPorts) => ({ ...p, items: failing(p.items, 'create', when) }),
      },
      {
        what: `the send of the message, ${when} its effect`,
        broken: (p: GatewayPorts) => ({ ...p, queue: failing(p.queue, 'send', when, name => name === TEXT_QUEUE) }),
      },
    ]),
  ]
  it.each(failures)(
    'continues the admission in a repeated call if the first call failed at $what',
    async ({ broken }) => {
      const ports = memoryPorts()
      const caller = aCaller()

      await expect(submit(broken(ports), caller)).rejects.toThrow(Unavailable)
      const item = await submit(ports, caller)

      expect(await ports.items.get(caller.user_id, item.request_id)).toMatchObject({ status: 'queued' })
      expect(ports.queue.sent(TEXT_QUEUE).length).toBeGreaterThan(0)
      expect(await usedBy(ports, caller.user_id)).toEqual(ONE)
    },
  )

  it.each(failures)(
    'a call that is repeated after midnight is charged in the window of its request item (the first call failed at $what)',
    async ({ broken }) => {
      const ports = memoryPorts()
      const caller = aCaller()

      await expect(submit(broken(ports), caller)).rejects.toThrow(Unavailable)
      ports.advance(DAY - 60_000)
      const item = await submit(ports, caller)

      expect(await usedBy(ports, caller.user_id, item.window)).toEqual(ONE)
    },
  )

  it('sends the message again if a repeated call finds the request queued, but not if the request runs', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    const item = await submit(ports, caller)
    await submit(ports, caller)
    expect(ports.queue.sent(TEXT_QUEUE)).toHaveLength(2)

    const [message] = ports.queue.sent(TEXT_QUEUE)
    const terms = { claim_id: 'c', now: ports.clock(), lease_until: ports.clock() + 1_000 }
    await ports.items.claim(message?.body as never, terms)

    expect(await submit(ports, caller)).toMatchObject({ request_id: item.request_id, status: 'running' })
    expect(ports.queue.sent(TEXT_QUEUE)).toHaveLength(2)
  })

  it('sends only one more message, and stores the body only once more, for 200 repeated calls while the request is queued', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    let puts = 0
    const payloads: GatewayPorts['payloads'] = {
      ...ports.payloads,
      put: async (...args) => {
        puts++
        await ports.payloads.put(...args)
      },
    }
    const large = { prompt: 'x'.repeat(100_000), parameters: { max_tokens: 1 } }
    const limits = { ...caller, tokens: 1_000_000 }
    const item = await submit({ ...ports, payloads }, limits, large)

    for (let i = 0; i < 200; i++)
      expect(await submit({ ...ports, payloads }, limits, large)).toMatchObject({ request_id: item.request_id })

    expect(ports.queue.sent(TEXT_QUEUE)).toHaveLength(2)
    expect(puts).toBe(2)
  })

  it('sends the message again at each repeated call, until a send has succeeded and the item has noted this', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    await submit(ports, caller)
    const sendsNothing = { ...ports, queue: { send: () => Promise.reject(new Unavailable('the queue', new Error())) } }
    const noteSent = () => Promise.reject(new Unavailable('the requests table', new Error()))
    const notesNothing = { ...ports, items: { ...ports.items, noteSent } }

    await expect(submit(sendsNothing, caller)).rejects.toThrow(Unavailable)
    await submit(notesNothing, caller)
    await submit(notesNothing, caller)
    expect(ports.queue.sent(TEXT_QUEUE)).toHaveLength(3)

    await submit(ports, caller)
    await submit(ports, caller)
    expect(ports.queue.sent(TEXT_QUEUE)).toHaveLength(4)
  })

  it('sends the message of a redriven request (run again after a failure) once more, even if the message of the earlier run was already repeated', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    const first = await submit(ports, caller)
    await submit(ports, caller)
    const seen = await ports.items.get(caller.user_id, first.request_id)
    const failed = seen && (await ports.items.giveUp(seen, { code: 'unavailable', message: 'm' }, ports.clock()))
    const reservation = { ...reservationOf(first), run: 2, nonce: 'redriven' }
    const redriven = failed && (await ports.items.redrive(failed, { reservation, deadline: first.deadline }))
    expect(redriven).toMatchObject({ status: 'queued', run: 2 })

    for (let i = 0; i < 5; i++) await submit(ports, caller)

    const runs = ports.queue.sent(TEXT_QUEUE).map(({ body }) => (body as { run: number }).run)
    expect(runs).toEqual([1, 1, 2])
  })

  it('makes a new request for the key if the first request was rejected as not accepted (rule 7)', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    const first = await submit(ports, caller)
    await withdrawSubmission(ports, first, ports.clock())
    expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)

    const second = await submit(ports, caller)

    expect(second.request_id).not.toBe(first.request_id)
    expect(await submit(ports, caller)).toMatchObject({ request_id: second.request_id })
    expect(await usedBy(ports, caller.user_id)).toEqual(ONE)
  })

  it('if it finds a tombstone (of a rejected request) in place of its item, sends `ended` to the ledger before it releases its reservation (rule 5)', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    const items = {
      ...ports.items,
      create: async (item: Parameters<GatewayPorts['items']['create']>[0]) => {
        await ports.items.reject({ ...item, status: 'rejected', nonce: 'the sweeper', completed_at: ports.clock() })
        return ports.items.create(item)
      },
    }

    await expect(submit({ ...ports, items }, caller)).rejects.toThrow(Unavailable)

    const ended = ports.queue.sent(RESULTS_QUEUE).filter(({ body }) => (body as { type: string }).type === 'ended')
    expect(ended.length).toBeGreaterThan(0)
    expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)
  })

  it('reads the item once more before it refuses a call because of the quota, since another call with the same key may have been admitted (rule 7)', async () => {
    const ports = memoryPorts()
    const caller = aCaller({ requests: 1 })
    const twin = await submit(ports, caller)
    let looks = 0
    const late = {
      ...ports.items,
      get: async (user: string, id: string) => (looks++ === 0 ? undefined : ports.items.get(user, id)),
    }
    // The reservation of the other call is already settled. Only the request item shows that the other call was admitted.
    await ports.quota.close([{ reservation: { ...twin }, charge: 4 }])

    expect(await submit({ ...ports, items: late }, caller)).toMatchObject({ request_id: twin.request_id })
  })

  it('refuses a call that exceeds the quota, and leaves no reservation', async () => {
    const ports = memoryPorts()
    const caller = aCaller({ tokens: 3 })

    await expect(submit(ports, caller)).rejects.toMatchObject({ code: 'quota_exceeded' })
    expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)
  })
})
