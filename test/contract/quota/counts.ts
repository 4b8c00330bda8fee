import { expect, it } from 'vitest'
import type { Quota } from '../../../functions/core/stores/quota/port.ts'
import { aReservation, newUser } from '../../support/requests.ts'
import { heldBy, quotaTools } from './tools.ts'

/** Tests the number of open reservations of a user, in a quota that counts them. */
export function describeCounts(name: string, quota: Quota): void {
  const { reserve } = quotaTools(quota)

  it(`a quota on ${name} that counts open reservations answers each reservation with the user’s number of them, by which the gateway chooses the bulk queue`, async () => {
    const userId = newUser()
    const first = await reserve(aReservation({ user_id: userId, estimate: 5 }))
    const second = await reserve(aReservation({ user_id: userId, estimate: 5 }))
    await quota.close([{ reservation: heldBy(first), charge: 5 }])
    const third = await reserve(aReservation({ user_id: userId, estimate: 5 }))

    expect([first, second, third]).toMatchObject([
      { used: { requests: 1, tokens: 5, in_flight: 1 } },
      { used: { requests: 2, tokens: 10, in_flight: 2 } },
      { used: { requests: 3, tokens: 15, in_flight: 2 } },
    ])
  })
}
