import type { Reservation } from '../../domain/item.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Counters } from './port.ts'

export type ExceededLimit = 'requests' | 'tokens' | 'in_flight'

/** Returns the limit that a reservation would exceed, given the counters. Returns undefined if the reservation fits. */
export function exceeded(
  counters: Counters,
  limits: Limits,
  { estimate, holds_request }: Pick<Reservation, 'estimate' | 'holds_request'>,
): ExceededLimit | undefined {
  if (holds_request && counters.requests >= limits.requests) return 'requests'
  if (counters.tokens + estimate > limits.tokens) return 'tokens'
  if (counters.open.length >= limits.in_flight) return 'in_flight'
  return undefined
}

/** Returns the tokens of the reservations that are still open. */
export const reservedTokens = (counters: Counters): number =>
  counters.open.reduce((sum, { reservation }) => sum + reservation.estimate, 0)
