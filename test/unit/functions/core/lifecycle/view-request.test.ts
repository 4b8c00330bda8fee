import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../../../functions/core/domain/item.ts'
import type { Payload } from '../../../../../functions/core/domain/messages.ts'
import { viewRequest, viewResponse } from '../../../../../functions/core/lifecycle/view-request.ts'
import { Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { NOW } from '../../../../support/clock.ts'
import { memoryPorts } from '../../../../support/ports.ts'
import { anItem } from '../../../../support/requests.ts'

const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
const COMPLETED = {
  status: 'completed',
  attempt: 1,
  started_at: NOW + 1,
  completed_at: NOW + 2,
  usage: USAGE,
  charge: 7,
} as const

/** Ports of a reader, with a request item. The ledger has `result` for run 1, or no row if `result` is missing. */
async function given(fields: Partial<RequestItem>, result?: Payload) {
  const ports = memoryPorts()
  const item = await ports.items.create(anItem(fields))
  const ledger = { result: async (_: string, run: number) => (run === 1 ? result : undefined) }
  return { item, ports: { ...ports, ledger } }
}

describe('viewRequest', () => {
  it('shows a queued request without empty fields', async () => {
    const { item, ports } = await given({ metadata: { tag: 'x' } })

    const shown = await viewRequest(ports, item.user_id, item.request_id)

    expect(JSON.parse(JSON.stringify(shown))).toEqual({
      request_id: item.request_id,
      status: 'queued',
      model: 'text',
      priority: 'normal',
      estimated_tokens: 10,
      created_at: '2026-11-23T10:15:00.000Z',
      attempts: 0,
      metadata: { tag: 'x' },
    })
  })

  it('shows the result of a completed request', async () => {
    const { item, ports } = await given(COMPLETED, { inline: { text: 'hi' } })

    expect(await viewRequest(ports, item.user_id, item.request_id)).toMatchObject({
      status: 'completed',
      attempts: 1,
      started_at: '2026-11-23T10:15:00.001Z',
      completed_at: '2026-11-23T10:15:00.002Z',
      result: { text: 'hi' },
      usage: USAGE,
    })
  })

  it.each([
    { what: 'a success', fields: { charge: 7 }, charged: { requests: 1, tokens: 7 } },
    {
      what: 'a run whose reservation was released',
      fields: { charge: undefined },
      charged: { requests: 0, tokens: 0 },
    },
    {
      what: 'a second run after a charged first run',
      fields: {
        charge: 7,
        run: 2,
        holds_request: false,
        earlier: [{ window: '2026-11-23', shard: 0, tokens: 5, request: true }],
      },
      charged: { requests: 1, tokens: 12 },
    },
  ])('shows the charge of all runs together: $what', async ({ fields, charged }) => {
    const { item, ports } = await given({ ...COMPLETED, status: 'failed', ...fields })

    expect(await viewRequest(ports, item.user_id, item.request_id)).toMatchObject({ charged })
  })

  it('shows no charge for a completed request before its result is in the ledger', async () => {
    const { item, ports } = await given(COMPLETED)

    expect((await viewRequest(ports, item.user_id, item.request_id)).charged).toBeUndefined()
  })

  it('reads a result that is too large for a row from the payload store', async () => {
    const { item, ports } = await given(COMPLETED, { key: 'result.json' })
    await ports.payloads.put('result.json', '["large"]')

    expect(await viewRequest(ports, item.user_id, item.request_id)).toMatchObject({ result: ['large'] })
  })

  it('shows a completed request without its result if the retention has deleted the result', async () => {
    const { item, ports } = await given(COMPLETED, { key: 'deleted.json' })

    const shown = await viewRequest(ports, item.user_id, item.request_id)

    expect(shown).toMatchObject({ status: 'completed', usage: USAGE })
    expect(shown.result).toBeUndefined()
  })

  it.each([
    { what: 'may still be in the results queue', age: 14 * 86_400_000 - 1, status: 'running' },
    { what: 'can’t be in the results queue any more', age: 14 * 86_400_000, status: 'completed' },
  ])(
    'shows a completed request that has no row in the ledger as $status if its result $what',
    async ({ age, status }) => {
      const { item, ports } = await given({ ...COMPLETED, completed_at: NOW - age })

      expect(await viewRequest({ ...ports, clock: () => NOW }, item.user_id, item.request_id)).toMatchObject({ status })
    },
  )

  it('shows the result null if the model’s result is null', async () => {
    const { item, ports } = await given(COMPLETED, { inline: null })

    expect(await viewRequest(ports, item.user_id, item.request_id)).toMatchObject({ status: 'completed', result: null })
  })

  it.each([
    { what: 'no result', run: 1, result: undefined },
    { what: 'only the result of an earlier run', run: 2, result: { inline: 'old' } },
  ])(
    'shows a completed request as running, without its usage and end, while the ledger has $what (I9)',
    async ({ run, result }) => {
      const { item, ports } = await given({ ...COMPLETED, run }, result)

      const shown = JSON.parse(JSON.stringify(await viewRequest(ports, item.user_id, item.request_id)))

      expect(shown).toMatchObject({ status: 'running', attempts: 1, started_at: expect.any(String) })
      for (const field of ['result', 'usage', 'completed_at', 'error']) expect(shown).not.toHaveProperty(field)
    },
  )

  it('shows why a request failed, without reading the ledger', async () => {
    const error = { code: 'model_error', message: 'the model answered 500' }
    const { item, ports } = await given({ status: 'failed', attempt: 1, completed_at: NOW, error })
    const ledger = { result: () => expect.unreachable() }

    expect(await viewRequest({ ...ports, ledger }, item.user_id, item.request_id)).toMatchObject({
      status: 'failed',
      error,
    })
  })

  it('gives the same answer for another user’s request as for a request that does not exist (I11)', async () => {
    const { item, ports } = await given({})
    const another = await viewRequest(ports, 'another', item.request_id).catch(error => error)
    const never = await viewRequest(ports, item.user_id, anItem().request_id).catch(error => error)

    expect(another).toMatchObject({ code: 'not_found', message: 'there is no such request' })
    expect(never).toEqual(another)
  })

  it('does not find a rejected request, since a rejected request was never accepted', async () => {
    const { item, ports } = await given({ status: 'rejected', completed_at: NOW })

    await expect(viewRequest(ports, item.user_id, item.request_id)).rejects.toMatchObject({ code: 'not_found' })
  })

  it.each(['', 'nonsense', '../../x', '%00', "' OR 1=1 --", 'x'.repeat(5_000)])(
    'reads no table if the text does not have the form of a request id (%#)',
    async id => {
      const { ports } = await given({})
      const items = { get: () => expect.unreachable() }

      await expect(viewRequest({ ...ports, items }, 'u42', id)).rejects.toMatchObject({ code: 'not_found' })
    },
  )

  it('fails with Unavailable for a completed request while the ledger is down', async () => {
    const { item, ports } = await given(COMPLETED)
    const ledger = { result: () => Promise.reject(new Unavailable('the ledger', 'down')) }

    await expect(viewRequest({ ...ports, ledger }, item.user_id, item.request_id)).rejects.toThrow(Unavailable)
  })
})

describe('viewResponse', () => {
  const running = { status: 'running', attempt: 1, lease_until: NOW + 1 } as const

  it('shows a running request as cancelled as soon as its cancellation is recorded', async () => {
    const { item, ports } = await given(running)
    const shown = async () => (await viewResponse(ports, item.user_id, item.request_id)).status

    expect(await shown()).toBe('running')
    await ports.items.cancel(item, NOW)

    expect(await shown()).toBe('cancelled')
    expect(await viewRequest(ports, item.user_id, item.request_id)).toMatchObject({ status: 'running' })
  })

  it('shows all other requests as viewRequest does', async () => {
    const { item, ports } = await given(COMPLETED, { inline: { text: 'hi' } })

    expect(await viewResponse(ports, item.user_id, item.request_id)).toEqual(
      await viewRequest(ports, item.user_id, item.request_id),
    )
  })
})
