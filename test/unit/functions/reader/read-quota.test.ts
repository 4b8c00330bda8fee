import { describe, expect, it } from 'vitest'
import { readQuota } from '../../../../functions/reader/read-quota.ts'
import { NOW } from '../../../support/clock.ts'
import { aCaller, SETTINGS } from '../../../support/gateway.ts'
import { memoryPorts } from '../../../support/ports.ts'
import { aReservation } from '../../../support/requests.ts'

const PLENTY = { requests: 100, tokens: 10_000, in_flight: 100 }

describe('readQuota', () => {
  it('shows zeros before the first request', async () => {
    expect(await readQuota(memoryPorts(), SETTINGS.quotas, aCaller())).toEqual({
      window: '2026-11-23',
      resets_at: '2026-11-24T00:00:00.000Z',
      plan: 'free',
      requests: { used: 0, limit: 3 },
      tokens: { used: 0, reserved: 0, limit: 1_000 },
      in_flight: { used: 0, limit: 2 },
    })
  })

  it('adds up the settled and reserved tokens over all shards (parts of a user’s counters)', async () => {
    const ports = memoryPorts()
    const caller = aCaller({ plan: 'pro', tokens: 9_000 })
    const of = { user_id: caller.user_id }
    const settled = aReservation({ ...of, shard: 3 })
    for (const reservation of [aReservation(of), aReservation({ ...of, shard: 1 }), settled])
      await ports.quota.reserve(reservation, PLENTY, NOW)
    await ports.quota.close([{ reservation: settled, charge: 7 }])

    expect(await readQuota(ports, SETTINGS.quotas, caller)).toMatchObject({
      plan: 'pro',
      requests: { used: 3, limit: 40 },
      tokens: { used: 27, reserved: 20, limit: 9_000 },
      in_flight: { used: 2, limit: 8 },
    })
  })

  it('shows zeros again when the next window begins', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    await ports.quota.reserve(aReservation({ user_id: caller.user_id }), PLENTY, NOW)
    ports.advance(86_400_000)

    expect(await readQuota(ports, SETTINGS.quotas, caller)).toMatchObject({
      window: '2026-11-24',
      requests: { used: 0 },
    })
  })
})
