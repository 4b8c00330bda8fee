import { describe, expect, it } from 'vitest'
import type { Counters } from '../../../../../../functions/core/stores/quota/port.ts'
import { exceeded, reservedTokens } from '../../../../../../functions/core/stores/quota/verdict.ts'
import { NOW } from '../../../../../support/clock.ts'
import { aReservation } from '../../../../../support/requests.ts'

const LIMITS = { requests: 10, tokens: 100, in_flight: 2 }
const open = (estimate: number) => ({ reservation: aReservation({ estimate }), at: NOW })

describe('exceeded, the limit that refuses a request', () => {
  it.each<{ what: string; counters: Counters; estimate: number; verdict: string | undefined }>([
    {
      what: 'a request that fits exactly',
      counters: { requests: 9, tokens: 90, open: [open(1)] },
      estimate: 10,
      verdict: undefined,
    },
    { what: 'one request too many', counters: { requests: 10, tokens: 0, open: [] }, estimate: 0, verdict: 'requests' },
    { what: 'one token too many', counters: { requests: 0, tokens: 91, open: [] }, estimate: 10, verdict: 'tokens' },
    {
      what: 'one in flight too many',
      counters: { requests: 0, tokens: 0, open: [open(1), open(1)] },
      estimate: 0,
      verdict: 'in_flight',
    },
    {
      what: 'a request over all limits',
      counters: { requests: 10, tokens: 100, open: [open(1), open(1)] },
      estimate: 1,
      verdict: 'requests',
    },
  ])('the exceeded limit is $verdict for $what', ({ counters, estimate, verdict }) => {
    expect(exceeded(counters, LIMITS, { estimate, holds_request: true })).toBe(verdict)
  })

  it('the limit of requests does not count for a reservation that holds only tokens', () => {
    const counters = { requests: 99, tokens: 0, open: [] }

    expect(exceeded(counters, LIMITS, { estimate: 1, holds_request: false })).toBeUndefined()
  })
})

describe('reservedTokens', () => {
  it('adds up the tokens of open reservations', () => {
    expect(reservedTokens({ requests: 5, tokens: 99, open: [open(3), open(4)] })).toBe(7)
  })
})
