import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../../../functions/core/domain/item.ts'
import { reservationOf } from '../../../../../functions/core/domain/item.ts'
import type { InferenceMessage } from '../../../../../functions/core/domain/messages.ts'
import { redriveRequest } from '../../../../../functions/core/lifecycle/redrive-request.ts'
import { NOW } from '../../../../support/clock.ts'
import { failing } from '../../../../support/failing.ts'
import { memoryQuota } from '../../../../support/memory/quota.ts'
import { memoryPorts } from '../../../../support/ports.ts'
import { aMessage, anItem } from '../../../../support/requests.ts'

const LIMITS = { requests: 1, tokens: 20, in_flight: 5 }
const ENTITLEMENT = { limits: LIMITS, shards: 1, window: 'day' } as const
const FAILED = {
  status: 'failed',
  attempt: 1,
  completed_at: NOW,
  charge: 2,
  error: { code: 'model_error', message: 'm' },
} as const

/** Stores a failed request. Its reservation is closed unless `isOpen`. */
async function given(fields: Partial<RequestItem> = FAILED, isOpen = false) {
  const ports = memoryPorts()
  const item = await ports.items.create(anItem(fields))
  await ports.quota.reserve(reservationOf(item), LIMITS, NOW)
  if (!isOpen) await ports.quota.close([{ reservation: reservationOf(item), charge: item.charge }])
  const used = async () => {
    const { requests, tokens, open } = await ports.quota.read(item.user_id, item.window, item.shard)
    return { requests, tokens, open: open.length }
  }
  return { ports, item, used, message: aMessage(item) }
}

describe('redriveRequest: runs a failed request again, as a new run', () => {
  it('begins a new run that reserves tokens but no request, since the failed run was charged a request', async () => {
    const { ports, item, message, used } = await given()

    expect(await redriveRequest(ports, message, ENTITLEMENT)).toEqual({ redriven: true, run: 2 })

    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'queued', run: 2, attempt: 0 })
    expect(ports.queue.sent('inference-text-normal')).toMatchObject([{ body: { run: 2, body: message.body } }])
    expect(await used()).toEqual({ requests: 1, tokens: 12, open: 1 })
  })

  it('each new run may wait for its start as long as the first one, however old the request is', async () => {
    const { ports, item } = await given()
    const { user_id, request_id, created_at, deadline } = item
    let failed: RequestItem | undefined = item
    for (const run of [2, 3, 4]) {
      ports.advance(86_400_000)

      await redriveRequest(ports, aMessage(failed), ENTITLEMENT)

      const queued = await ports.items.get(user_id, request_id)
      expect(queued).toMatchObject({ status: 'queued', run, deadline: ports.clock() + deadline - created_at })
      failed = queued && (await ports.items.giveUp(queued, FAILED.error, ports.clock()))
      if (!failed) throw new Error('the new run has not failed')
    }
  })

  it.each([
    { others: 10, givesWay: true },
    { others: 9, givesWay: false },
  ])(
    'if the user has 10 other open requests or more, sends the message to the bulk queue, behind the messages of other users (with $others: $givesWay)',
    async ({ others, givesWay }) => {
      const { ports, item, message } = await given()
      const quota = memoryQuota(true)
      const limits = { requests: 20, tokens: 1_000, in_flight: 20 }
      for (let i = 0; i < others; i++)
        await quota.reserve(reservationOf(anItem({ user_id: item.user_id })), limits, NOW)

      await redriveRequest({ ...ports, quota, givesWayAbove: 10 }, message, { ...ENTITLEMENT, limits })

      const sent = ports.queue.sent('inference-text-normal')
      expect(sent.map(({ gives_way = false }) => gives_way)).toEqual([givesWay])
      expect(sent.map(({ body }) => (body as InferenceMessage).hints)).toEqual([
        givesWay ? { gives_way: true } : undefined,
      ])
    },
  )

  it('reserves a request as well as tokens if the failed run never reached the model and so was not charged', async () => {
    const { ports, message, used } = await given({ ...FAILED, charge: undefined })

    await redriveRequest(ports, message, ENTITLEMENT)

    expect(await used()).toEqual({ requests: 1, tokens: 10, open: 1 })
  })

  it('closes the reservation of the failed run first, if it is still open (rule 8)', async () => {
    const { ports, message, used } = await given(FAILED, true)

    await redriveRequest(ports, message, ENTITLEMENT)

    expect(await used()).toEqual({ requests: 1, tokens: 12, open: 1 })
  })

  it('refuses a redrive that does not fit in the user’s quota, and changes nothing', async () => {
    const { ports, item, message, used } = await given()
    const entitlement = { ...ENTITLEMENT, limits: { ...LIMITS, tokens: 11 } }

    expect(await redriveRequest(ports, message, entitlement)).toEqual({ redriven: false, reason: 'tokens' })
    expect(await ports.items.get(item.user_id, item.request_id)).toEqual(item)
    expect(await used()).toEqual({ requests: 1, tokens: 2, open: 0 })
  })

  it.each(['running', 'completed', 'cancelled', 'rejected'] as const)('refuses a request that is %s', async status => {
    const { ports, message } = await given({ status, attempt: 1, lease_until: NOW })

    expect(await redriveRequest(ports, message, ENTITLEMENT)).toEqual({ redriven: false, reason: 'not failed' })
  })

  it('lets only one of two operators redrive a request', async () => {
    const { ports, message, used } = await given()

    const answers = await Promise.all([1, 2].map(() => redriveRequest(ports, message, ENTITLEMENT)))

    expect(answers).toContainEqual({ redriven: true, run: 2 })
    expect(await used()).toEqual({ requests: 1, tokens: 12, open: 1 })
  })

  it('sends the message of the same run when it is repeated after a send that failed', async () => {
    const { ports, message } = await given()
    const broken = { ...ports, queue: failing(ports.queue, 'send', 'before') }
    await expect(redriveRequest(broken, message, ENTITLEMENT)).rejects.toThrow()

    expect(await redriveRequest(ports, message, ENTITLEMENT)).toEqual({ redriven: true, run: 2 })
    expect(ports.queue.sent('inference-text-normal')).toHaveLength(1)
  })
})
