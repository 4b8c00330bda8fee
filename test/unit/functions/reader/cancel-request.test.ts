import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../../functions/core/domain/item.ts'
import { reservationOf } from '../../../../functions/core/domain/item.ts'
import { bodyKey } from '../../../../functions/core/stores/payloads/names.ts'
import { cancelRequest } from '../../../../functions/reader/cancel-request.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { memoryPorts } from '../../../support/ports.ts'
import { anItem } from '../../../support/requests.ts'

async function given(fields: Partial<RequestItem> = {}) {
  const ports = memoryPorts()
  const item = await ports.items.create(anItem(fields))
  await ports.quota.reserve(reservationOf(item), { requests: 9, tokens: 99, in_flight: 9 }, NOW)
  const used = async () => {
    const { requests, tokens, open } = await ports.quota.read(item.user_id, item.window, item.shard)
    return { requests, tokens, open: open.length }
  }
  return { ports, item, used }
}

describe('cancelRequest', () => {
  it('cancels a queued request, sends `ended` for the ledger, and releases the whole reservation', async () => {
    const { ports, item, used } = await given()

    const { cancelled, request } = await cancelRequest(ports, item.user_id, item.request_id)

    expect({ cancelled, status: request.status }).toEqual({ cancelled: true, status: 'cancelled' })
    expect(ports.queue.sent('results')).toMatchObject([{ body: { type: 'ended', status: 'cancelled' } }])
    expect(await used()).toEqual({ requests: 0, tokens: 0, open: 0 })
  })

  it('deletes the stored body of a queued request', async () => {
    const { ports, item } = await given()
    await ports.payloads.put(bodyKey(item), '{"prompt":"junk"}')

    await cancelRequest(ports, item.user_id, item.request_id)

    expect(ports.payloads.stored.size).toBe(0)
  })

  it('cancels a queued request even if its stored body can’t be deleted', async () => {
    const { ports, item, used } = await given()
    const broken = { ...ports, payloads: failing(ports.payloads, 'delete', 'before') }

    expect(await cancelRequest(broken, item.user_id, item.request_id)).toMatchObject({ cancelled: true })
    expect(await used()).toEqual({ requests: 0, tokens: 0, open: 0 })
  })

  it('does not delete the stored body of a running request, since its worker needs the body', async () => {
    const { ports, item } = await given({ status: 'running', attempt: 1, lease_until: NOW + 1 })
    await ports.payloads.put(bodyKey(item), '{"prompt":"junk"}')

    await cancelRequest(ports, item.user_id, item.request_id)

    expect([...ports.payloads.stored.keys()]).toEqual([bodyKey(item)])
  })

  it('writes the wish to cancel into a running request, and leaves its reservation open until its outcome is collected', async () => {
    const { ports, item, used } = await given({ status: 'running', attempt: 1, lease_until: NOW + 1 })

    const { cancelled, request } = await cancelRequest(ports, item.user_id, item.request_id)

    expect({ cancelled, status: request.status }).toEqual({ cancelled: true, status: 'running' })
    expect(await used()).toMatchObject({ open: 1 })
  })

  it.each(['completed', 'failed', 'cancelled', 'expired'] as const)(
    'answers that the request has ended if it is %s',
    async status => {
      const { ports, item } = await given({ status, attempt: 1, completed_at: NOW })
      ports.ledger.setResult(item.request_id, { inline: 'hi' })

      const { cancelled, request } = await cancelRequest(ports, item.user_id, item.request_id)

      expect({ cancelled, status: request.status }).toEqual({ cancelled: false, status })
      expect(await ports.items.get(item.user_id, item.request_id)).toEqual(item)
    },
  )

  it('does not find a request of another user, and does not change it (I11)', async () => {
    const { ports, item } = await given()

    await expect(cancelRequest(ports, 'another', item.request_id)).rejects.toMatchObject({ code: 'not_found' })
    expect(await ports.items.get(item.user_id, item.request_id)).toEqual(item)
  })

  it('writes the wish to cancel into a request that a worker claims between the read and the write', async () => {
    const { ports, item } = await given()
    const running = { status: 'running', attempt: 1, lease_until: NOW + 1 } as const
    let looks = 0
    const items = {
      ...ports.items,
      get: async () => (looks++ === 0 ? item : { ...item, ...running }),
      cancel: async (seen: RequestItem) => (seen.status === 'queued' ? undefined : { ...seen, cancel_requested: true }),
    }

    const { cancelled, request } = await cancelRequest({ ...ports, items }, item.user_id, item.request_id)

    expect({ cancelled, status: request.status }).toEqual({ cancelled: true, status: 'running' })
  })

  it('cancels a queued request even if `ended` can’t be sent, since the sweeper finds the open reservation and sends it', async () => {
    const { ports, item, used } = await given()
    const broken = { ...ports, queue: failing(ports.queue, 'send', 'before') }

    expect(await cancelRequest(broken, item.user_id, item.request_id)).toMatchObject({ cancelled: true })
    expect(await used()).toMatchObject({ open: 1 })
  })
})
