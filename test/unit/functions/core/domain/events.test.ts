import { describe, expect, it } from 'vitest'
import { endedEvent } from '../../../../../functions/core/domain/events.ts'
import { InferenceMessage, ResultEvent } from '../../../../../functions/core/domain/messages.ts'
import { NOW } from '../../../../support/clock.ts'
import { aMessage, anAcceptedEvent, anItem, anOutcome } from '../../../../support/requests.ts'

const asSent = (value: unknown) => JSON.parse(JSON.stringify(value))

describe('events', () => {
  const item = anItem({ metadata: { tag: 'x' } })

  it.each([
    { name: 'accepted', event: anAcceptedEvent(item) },
    { name: 'completed', event: anOutcome(item) },
    { name: 'failed', event: anOutcome(item, { status: 'failed', message: aMessage(item), result: undefined }) },
    { name: 'ended', event: endedEvent({ ...item, status: 'expired', completed_at: NOW }) },
  ])('pass their own schema after a trip through a queue ($name)', ({ event }) => {
    expect(ResultEvent.parse(asSent(event))).toEqual(asSent(event))
  })

  it('refuse unknown fields, so a writer never sends an unknown field by mistake', () => {
    expect(ResultEvent.safeParse({ ...asSent(anAcceptedEvent(item)), extra: 1 }).success).toBe(false)
    expect(InferenceMessage.safeParse({ ...asSent(aMessage(item)), v: 2 }).success).toBe(false)
  })
})

describe('endedEvent', () => {
  it.each(['queued', 'running'] as const)('does not exist for a request that is %s', status => {
    expect(endedEvent(anItem({ status }))).toBeUndefined()
  })

  it('does not exist for a completed request, since only the worker’s event has the result (rule 9)', () => {
    expect(endedEvent(anItem({ status: 'completed' }))).toBeUndefined()
  })

  it.each(['failed', 'cancelled', 'expired', 'rejected'] as const)(
    'has the item’s fields for a request that is %s',
    status => {
      const error = { code: 'worker_crashed', message: 'm' }
      const item = anItem({ status, attempt: 2, completed_at: NOW + 5, started_at: NOW, error })

      expect(endedEvent(item)).toMatchObject({
        type: 'ended',
        request_id: item.request_id,
        status,
        attempt: 2,
        completed_at: NOW + 5,
        started_at: NOW,
        error,
      })
    },
  )
})
