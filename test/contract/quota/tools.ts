import type { Reservation } from '../../../functions/core/domain/item.ts'
import type { Limits } from '../../../functions/core/domain/limits.ts'
import type { Admission, Quota } from '../../../functions/core/stores/quota/port.ts'
import { NOW } from '../../support/clock.ts'
import { aReservation } from '../../support/requests.ts'

export const PLENTY: Limits = { requests: 1_000, tokens: 1_000_000, in_flight: 1_000 }

/** The functions that the tests of the quota share. */
export function quotaTools(quota: Quota) {
  const reserve = (reservation: Reservation, limits = PLENTY) => quota.reserve(reservation, limits, NOW)
  const countersOf = ({ user_id, window, shard }: Reservation) => quota.read(user_id, window, shard)
  const usedBy = async (reservation: Reservation) => {
    const { requests, tokens, open } = await countersOf(reservation)
    return { requests, tokens, in_flight: open.length }
  }
  const reserveMany = (count: number, of: Partial<Reservation>, limits = PLENTY) =>
    Promise.all(Array.from({ length: count }, () => reserve(aReservation(of), limits)))
  return { reserve, countersOf, usedBy, reserveMany }
}

export function heldBy(admission: Admission): Reservation {
  if (!admission.admitted) throw new Error('refused')
  return admission.reservation
}
