import { describe, expect, it } from 'vitest'
import { claimIdOf, isClaimedAlone, refusedClaim } from '../../../../../functions/core/domain/claim.ts'
import type { RequestItem } from '../../../../../functions/core/domain/item.ts'
import type { InferenceMessage } from '../../../../../functions/core/domain/messages.ts'
import { NOW } from '../../../../support/clock.ts'
import { aMessage, anItem } from '../../../../support/requests.ts'

const refusalOf = (fields: Partial<RequestItem>, message: Partial<InferenceMessage> = {}) => {
  const item = anItem(fields)
  return refusedClaim(item, { ...aMessage(item), ...message }, NOW)
}

describe('refusedClaim: what a worker does after the request item has refused its claim', () => {
  it.each(['completed', 'failed', 'cancelled', 'expired', 'rejected'] as const)(
    'drops the message of a request that is %s',
    status => {
      expect(refusalOf({ status })).toEqual({ kind: 'drop' })
    },
  )

  it.each([{ run: 2 }, { fingerprint: 'e'.repeat(64) }])('drops a message of another run or body (%j)', message => {
    expect(refusalOf({}, message)).toEqual({ kind: 'drop' })
  })

  it('waits for the end of another worker’s lease if the lease still holds (I8)', () => {
    const refusal = refusalOf({ status: 'running', attempt: 1, lease_until: NOW + 1 })

    expect(refusal).toEqual({ kind: 'wait', until: NOW + 1 })
  })

  it('claims the request again from the end of the lease on, even after the deadline, since the request has started in time', () => {
    const refusal = refusalOf({ status: 'running', attempt: 1, lease_until: NOW, deadline: NOW - 1 })

    expect(refusal).toEqual({ kind: 'reclaim' })
  })

  it.each([
    { crashes: 0, alone: true, kind: 'reclaim' },
    { crashes: 1, alone: true, kind: 'reclaim' },
    { crashes: 2, alone: true, kind: 'give up' },
    { crashes: 2, alone: undefined, kind: 'reclaim' },
  ])(
    'after $crashes earlier crashes, decides to $kind a request whose worker has crashed again (it ran isolated, i.e. alone: $alone)',
    ({ crashes, alone, kind }) => {
      expect(refusalOf({ status: 'running', attempt: 1, lease_until: NOW, crashes, alone })).toEqual({ kind })
    },
  )

  it('reads from the id of a claim whether the request ran isolated from other requests', () => {
    expect([true, false].map(alone => isClaimedAlone(claimIdOf('0123456789abcdef', alone)))).toEqual([true, false])
  })

  it('the worker waits for the end of a backoff', () => {
    expect(refusalOf({ attempt: 1, not_before: NOW + 1 })).toEqual({ kind: 'wait', until: NOW + 1 })
  })

  it('expires a request at its deadline, even during a backoff', () => {
    expect(refusalOf({ deadline: NOW, not_before: NOW + 1 })).toEqual({ kind: 'expire' })
  })

  it('tries the claim again if the reason of the refusal, such as a backoff, has ended in the meantime', () => {
    expect(refusalOf({ not_before: NOW })).toEqual({ kind: 'again' })
  })
})
