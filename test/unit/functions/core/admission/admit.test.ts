import { describe, expect, it } from 'vitest'
import { STALE_RESERVATION_MS } from '../../../../../functions/core/domain/timing.ts'
import type { GatewayPorts } from '../../../../../functions/gateway/ports.ts'
import { NOW } from '../../../../support/clock.ts'
import { aCaller, submit } from '../../../../support/gateway.ts'
import { memoryPorts } from '../../../../support/ports.ts'
import { aReservation } from '../../../../support/requests.ts'

describe('admit', () => {
  it('closes an old reservation and reserves again, with a new nonce (the id of a reservation): with the same nonce, the user could be charged twice', async () => {
    const ports = memoryPorts()
    const caller = aCaller({ in_flight: 1 })
    const orphan = aReservation({ user_id: caller.user_id })
    await ports.quota.reserve(orphan, { requests: 9, tokens: 99, in_flight: 1 }, NOW)
    ports.advance(STALE_RESERVATION_MS)
    const nonces: string[] = []
    const reserve: GatewayPorts['quota']['reserve'] = (reservation, ...rest) => {
      nonces.push(reservation.nonce)
      return ports.quota.reserve(reservation, ...rest)
    }

    const { item } = await submit({ ...ports, quota: { ...ports.quota, reserve } }, caller)

    expect(nonces).toHaveLength(2)
    expect(new Set(nonces).size).toBe(2)
    expect(item.nonce).toBe(nonces[1])
  })
})
