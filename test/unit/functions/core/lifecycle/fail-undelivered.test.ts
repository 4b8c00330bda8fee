import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../../../functions/core/domain/item.ts'
import { reservationOf } from '../../../../../functions/core/domain/item.ts'
import { failUndelivered } from '../../../../../functions/core/lifecycle/fail-undelivered.ts'
import * as Old from '../../../../compat/schemas-0.1.0.ts'
import { NOW } from '../../../../support/clock.ts'
import { memoryPorts } from '../../../../support/ports.ts'
import { aMessage, anItem } from '../../../../support/requests.ts'

async function given(item: RequestItem, isWritten = true) {
  const ports = memoryPorts()
  if (isWritten) await ports.items.create(item)
  await ports.quota.reserve(reservationOf(item), { requests: 9, tokens: 99, in_flight: 9 }, NOW)
  const used = async () => {
    const { requests, tokens, open } = await ports.quota.read(item.user_id, item.window, item.shard)
    return { requests, tokens, open: open.length }
  }
  return { ports, used, stored: () => ports.items.get(item.user_id, item.request_id) }
}

describe('failUndelivered: ends the request of a message in the dead-letter queue, i.e. of a message that was received too often', () => {
  it('fails a request whose attempt has reached the model, and charges one request', async () => {
    const item = anItem({ status: 'running', attempt: 3, lease_until: NOW })
    const { ports, used, stored } = await given(item)

    expect(await failUndelivered(ports, aMessage(item), NOW)).toBe(true)

    expect(await stored()).toMatchObject({ status: 'failed', error: { code: 'worker_crashed' } })
    expect(ports.queue.sent('results')).toMatchObject([{ body: { type: 'ended', status: 'failed' } }])
    expect(await used()).toEqual({ requests: 1, tokens: 0, open: 0 })
  })

  it('sends the client’s prompt to the ledger, in an event that version 0.1.0 can read', async () => {
    const item = anItem()
    const { ports } = await given(item)

    await failUndelivered(ports, aMessage(item), NOW, { prompt: { inline: 'hello' } })

    const [told] = ports.queue.sent('results').map(({ body }) => body)
    expect(told).toMatchObject({ type: 'ended', prompt: { inline: 'hello' } })
    expect(Old.EndedEvent.safeParse(told)).toMatchObject({ success: true })
  })

  it('sends no prompt to the ledger for a request that was never accepted', async () => {
    const item = anItem()
    const { ports } = await given(item, false)

    await failUndelivered(ports, aMessage(item), NOW, { prompt: { inline: 'hello' } })

    expect(ports.queue.sent('results')).toMatchObject([{ body: { status: 'rejected' } }])
    expect(ports.queue.sent('results')[0]?.body).not.toHaveProperty('prompt')
  })

  it('fails a request that no worker could start, with the code unavailable and no charge', async () => {
    const item = anItem()
    const { ports, used, stored } = await given(item)

    expect(await failUndelivered(ports, aMessage(item), NOW)).toBe(true)
    expect(await stored()).toMatchObject({ status: 'failed', error: { code: 'unavailable' } })
    expect(await used()).toEqual({ requests: 0, tokens: 0, open: 0 })
  })

  it.each([
    { what: 'a lease that still holds', fields: { status: 'running', attempt: 1, lease_until: NOW + 1 } },
    { what: 'a backoff that has not passed', fields: { status: 'queued', attempt: 1, not_before: NOW + 1 } },
  ] as const)('changes nothing yet for a request with $what, since a worker may still run it', async ({ fields }) => {
    const item = anItem(fields)
    const { ports, used, stored } = await given(item)

    expect(await failUndelivered(ports, aMessage(item), NOW)).toBe(false)

    expect(await stored()).toEqual(item)
    expect(await used()).toMatchObject({ open: 1 })
  })

  it.each([
    { what: 'has ended', fields: { status: 'completed', attempt: 1, completed_at: NOW } },
    { what: 'is in another run', fields: { run: 2 } },
    { what: 'has another body', fields: { fingerprint: 'x' } },
  ] as const)('drops the message of a request that $what', async ({ fields }) => {
    const item = anItem()
    const { ports, stored } = await given({ ...item, ...fields })

    expect(await failUndelivered(ports, aMessage(item), NOW)).toBe(true)
    expect(await stored()).toMatchObject(fields)
    expect(ports.queue.sent('results')).toEqual([])
  })

  it('rejects a request that has no item, and releases its reservation', async () => {
    const item = anItem()
    const { ports, used, stored } = await given(item, false)

    expect(await failUndelivered(ports, aMessage(item), NOW)).toBe(true)

    expect(await stored()).toMatchObject({ status: 'rejected' })
    expect(await used()).toEqual({ requests: 0, tokens: 0, open: 0 })
  })
})
