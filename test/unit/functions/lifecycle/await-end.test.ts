import { describe, expect, it } from 'vitest'
import { awaitEnd } from '../../../../functions/lifecycle/await-end.ts'
import { NOW } from '../../../support/clock.ts'
import { memoryPorts } from '../../../support/ports.ts'
import { anItem } from '../../../support/requests.ts'

const RUNNING = { status: 'running', attempt: 1, lease_until: NOW + 60_000 } as const

describe('awaitEnd', () => {
  it('answers at once for a request that has ended', async () => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem({ status: 'expired', completed_at: NOW }))

    expect(await awaitEnd(ports, item.user_id, item.request_id, 10_000)).toMatchObject({ status: 'expired' })
    expect(ports.clock()).toBe(NOW)
  })

  it('answers with the result as soon as it can be read', async () => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem(RUNNING))
    const sleep = async (ms: number) => {
      ports.advance(ms)
      if (ports.clock() < NOW + 3_000) return
      const { user_id, request_id, run, attempt } = item
      await ports.items.decide({ user_id, request_id, run, attempt, status: 'completed', completed_at: NOW, charge: 1 })
      ports.ledger.setResult(request_id, { inline: 'hi' })
    }

    const view = await awaitEnd({ ...ports, sleep }, item.user_id, item.request_id, 10_000)

    expect(view).toMatchObject({ status: 'completed', result: 'hi' })
    expect(ports.clock() - NOW).toBeLessThan(5_000)
  })

  it('gives up when its time is over, and not later', async () => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem(RUNNING))

    expect(await awaitEnd(ports, item.user_id, item.request_id, 10_000)).toMatchObject({ status: 'running' })
    expect(ports.clock()).toBe(NOW + 10_000)
  })

  it('finds nothing of another user’s', async () => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem())

    await expect(awaitEnd(ports, 'another', item.request_id, 10_000)).rejects.toMatchObject({ code: 'not_found' })
  })
})
