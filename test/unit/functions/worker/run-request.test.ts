import { describe, expect, it } from 'vitest'
import { EndedEvent } from '../../../../functions/core/domain/messages.ts'
import { createMappings } from '../../../../functions/core/inference/mapping.ts'
import type { ModelAnswer } from '../../../../functions/core/inference/port.ts'
import { MAX_INLINE_BYTES } from '../../../../functions/core/stores/payloads/port.ts'
import { MAX_UNCLAIMED_DELIVERIES } from '../../../../functions/worker/end-after-defect.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { failure } from '../../../support/failures.ts'
import { aMessage, anItem, newUser } from '../../../support/requests.ts'
import { aWorker, LEASE, SUCCESS, USAGE } from '../../../support/worker.ts'

describe('a worker: a request that may run', () => {
  it('is claimed and sent to the model, and its outcome is published', async () => {
    const { ports, asked, outcomes, deferred, run } = aWorker()
    const item = await ports.items.create(anItem({ user_id: newUser() }))

    await run(item)

    expect(asked).toEqual([{ requestId: item.request_id, body: { input: 'hello', attempt: 1 }, at: NOW }])
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

  describe('and whose model reports no usage', () => {
    // The result has 40 + 2 bytes as JSON in UTF-8. So it counts as 11 tokens, one per four bytes, and the prompt as 2 tokens.
    const result = 'é'.repeat(20)
    const unreported = { ok: true, answer: { result } } as const
    const outcomeFor = async (parameters: object | undefined, estimate: number, answer: ModelAnswer = unreported) => {
      const { ports, outcomes, run } = aWorker(answer)
      const item = await ports.items.create(anItem({ estimate }))
      await run(item, ports, { prompt: 'hello', priority: 'normal', ...(parameters && { parameters }) })
      const [outcome] = outcomes()
      return outcome
    }

    it.each([
      { what: 'no output at all', parameters: { max_tokens: 0 }, estimate: 2 },
      { what: 'less output than the result has', parameters: { max_tokens: 10 }, estimate: 12 },
    ])(
      'a request is charged at least the tokens of its prompt and one token per four bytes of its result, if its max_tokens allow $what',
      async ({ parameters, estimate }) => {
        expect(await outcomeFor(parameters, estimate)).toMatchObject({ status: 'completed', charge_at_least: 13 })
      },
    )

    it.each([
      {
        what: 'the max_tokens allow as much output as the result has',
        parameters: { max_tokens: 11 },
        estimate: 13,
        answer: unreported,
      },
      {
        what: 'the request does not limit its output',
        parameters: { temperature: 1 },
        estimate: 4,
        answer: unreported,
      },
      { what: 'the request has no parameters', parameters: undefined, estimate: 4, answer: unreported },
      {
        what: 'the model reports usage after all',
        parameters: { max_tokens: 0 },
        estimate: 2,
        answer: { ok: true, answer: { result, usage: { total_tokens: 0 } } } as const,
      },
      {
        what: 'the request fails',
        parameters: { max_tokens: 0 },
        estimate: 2,
        answer: { ok: true, answer: {} } as const,
      },
    ])(
      'an outcome is published without `charge_at_least`, which version 0.1.0 can’t read, if $what',
      async ({ parameters, estimate, answer }) => {
        expect(await outcomeFor(parameters, estimate, answer)).not.toHaveProperty('charge_at_least')
      },
    )
  })

  it('a request runs once, even if many workers have its message at the same time', async () => {
    const { ports, asked, outcomes, run } = aWorker()
    const item = await ports.items.create(anItem())

    await Promise.all(Array.from({ length: 5 }, () => run(item)))

    expect(asked).toHaveLength(1)
    expect(outcomes()).toHaveLength(1)
  })

  it('the worker gets a large body from the payload store, and the outcome has the key of the body in place of the prompt', async () => {
    const { ports, asked, outcomes, invoke } = aWorker()
    const item = await ports.items.create(anItem())
    await ports.payloads.put('body.json', '{"prompt":"long"}')

    const message = { ...aMessage(item), body: { key: 'body.json' } }
    await invoke([message])

    expect(asked).toMatchObject([{ body: { input: 'long' } }])
    expect(outcomes()).toMatchObject([{ prompt: { key: 'body.json' } }])
  })

  it('a large result is stored in the payload store under a key of this run and attempt', async () => {
    const result = 'x'.repeat(MAX_INLINE_BYTES)
    const { ports, outcomes, run } = aWorker({ ok: true, answer: { result } })
    const item = await ports.items.create(anItem())

    await run(item)

    const key = `requests/u42/${item.request_id}/1-1-result.json`
    expect(outcomes()).toMatchObject([{ result: { key } }])
    expect(await ports.payloads.get(key)).toBe(result)
  })

  it('a request has no prompt in its outcome if store_prompts is false', async () => {
    const { ports, outcomes, run } = aWorker(SUCCESS, { store_prompts: false })
    const item = await ports.items.create(anItem())

    await run(item)

    expect(outcomes()[0]).not.toHaveProperty('prompt')
  })

  it.each([
    { store_prompts: true, what: 'the prompt', prompt: { inline: 'hello' } },
    { store_prompts: false, what: 'no prompt', prompt: undefined },
  ])('a request that expires has $what in its `ended` event if store_prompts is $store_prompts', async one => {
    const { ports, run } = aWorker(SUCCESS, { store_prompts: one.store_prompts })
    const item = await ports.items.create(anItem({ deadline: NOW }))

    await run(item)

    const [told] = ports.queue.sent('results').map(({ body }) => EndedEvent.parse(body))
    expect(told).toMatchObject({ status: 'expired' })
    expect(told?.prompt).toEqual(one.prompt)
  })

  it('a request that fails because a defect kept each worker from running it has its prompt in its `ended` event', async () => {
    const { ports, create, invoke } = aWorker()
    const item = await create()
    const claim = async () => {
      throw new Error('a defect')
    }

    await invoke([aMessage(item)], { ...ports, items: { ...ports.items, claim } }, MAX_UNCLAIMED_DELIVERIES)

    expect(ports.queue.sent('results')).toMatchObject([{ body: { status: 'failed', prompt: { inline: 'hello' } } }])
  })
})

const TOO_DEEP: unknown = JSON.parse('['.repeat(101) + ']'.repeat(101))

describe('a worker: a model that fails', () => {
  it.each(['model_error', 'model_rejected', 'model_timeout', 'model_unreachable', 'result_too_large'] as const)(
    'causes a failed outcome with the code %s and the message for the request',
    async code => {
      const { ports, outcomes, run } = aWorker(failure({ code, message: 'a sentence' }))
      const item = await ports.items.create(anItem())

      await run(item)

      expect(outcomes()).toMatchObject([
        {
          status: 'failed',
          reached: true,
          error: { code, message: expect.stringMatching(/^a sentence/) },
          message: { request_id: item.request_id, body: { inline: { prompt: 'hello' } } },
        },
      ])
    },
  )

  it('a model that no call can have reached causes no charge', async () => {
    const { ports, outcomes, run } = aWorker(failure({ code: 'model_unreachable', reached: false }))

    await run(await ports.items.create(anItem()))

    expect(outcomes()).toMatchObject([{ status: 'failed', reached: false }])
  })

  it('the model is not called, and no request loses an attempt, while the endpoint’s secret can’t be read', async () => {
    const { ports, run } = aWorker()
    const item = await ports.items.create(anItem())
    const endpoint = failing(ports.endpoint, 'prepare', 'before')

    expect(await run(item, { ...ports, endpoint })).toEqual([0])

    expect(await ports.items.get(item.user_id, item.request_id)).toEqual(item)
  })

  it('the model is not called, and nothing is charged, if the request can’t be mapped', async () => {
    const { ports, asked, outcomes, run } = aWorker()
    const item = await ports.items.create(anItem())
    const broken = { ...ports, mappings: createMappings({ request: '$number(prompt)', response: '$' }) }

    await run(item, broken)

    expect(asked).toEqual([])
    expect(outcomes()).toMatchObject([{ status: 'failed', reached: false, error: { code: 'mapping_failed' } }])
  })

  it.each([{ usage: { total_tokens: 1 } }, { nothing: true }, null, 5])(
    'a model counts as reached, so the request is charged, if the model’s answer can’t be mapped: %j',
    async answer => {
      const { ports, outcomes, run } = aWorker({ ok: true, answer })
      const item = await ports.items.create(anItem())

      await run(item)

      expect(outcomes()).toMatchObject([{ status: 'failed', reached: true, error: { code: 'invalid_model_response' } }])
    },
  )

  it.each([
    { what: 'is larger than can be kept', result: 'x'.repeat(4 * 1024 * 1024), code: 'result_too_large' },
    { what: 'is not there', result: undefined, code: 'invalid_model_response' },
    { what: 'is too deep to be stored', result: TOO_DEEP, code: 'invalid_model_response' },
  ])('the tokens that the model reports are charged even if its result $what', async ({ result, code }) => {
    const { ports, outcomes, run } = aWorker({ ok: true, answer: { result, usage: USAGE } })
    const item = await ports.items.create(anItem())

    await run(item)

    expect(outcomes()).toMatchObject([{ status: 'failed', usage: USAGE, error: { code } }])
  })
})

describe('a worker: a call to AWS that fails', () => {
  const breakable: { call: string; broken: (ports: WorkerPorts) => WorkerPorts }[] = [
    { call: 'payloads.get', broken: p => ({ ...p, payloads: failing(p.payloads, 'get', 'before') }) },
    { call: 'payloads.put', broken: p => ({ ...p, payloads: failing(p.payloads, 'put', 'before') }) },
    { call: 'flowControl.permit', broken: p => ({ ...p, flowControl: failing(p.flowControl, 'permit', 'before') }) },
    { call: 'items.claim', broken: p => ({ ...p, items: failing(p.items, 'claim', 'before') }) },
    { call: 'queue.send', broken: p => ({ ...p, queue: failing(p.queue, 'send', 'before') }) },
  ]

  it.each(breakable)(
    'lets the message be redelivered, and the request ends after the redelivery ($call)',
    async ({ broken }) => {
      const { ports, outcomes, invoke } = aWorker({ ok: true, answer: { result: 'x'.repeat(MAX_INLINE_BYTES) } })
      const item = await ports.items.create(anItem())
      await ports.payloads.put('body.json', '{"prompt":"long"}')
      const message = { ...aMessage(item), body: { key: 'body.json' } }

      expect(await invoke([message], broken(ports))).toEqual([0])
      expect(outcomes()).toEqual([])

      ports.advance(LEASE - NOW)
      expect(await invoke([message])).toEqual([])
      expect(outcomes()).toMatchObject([{ status: 'completed' }])
    },
  )

  it('a lost answer to a claim does not make the worker lose the claim: if the AWS client repeats it, the worker recognizes its own claim', async () => {
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
