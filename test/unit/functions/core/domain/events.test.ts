import { describe, expect, it } from 'vitest'
import { endedEvent, failureOf, outcomeEvent, usageOf } from '../../../../../functions/core/domain/events.ts'
import { InferenceMessage, ResultEvent } from '../../../../../functions/core/domain/messages.ts'
import { OutcomeEvent as OutcomeEventOf010 } from '../../../../compat/schemas-0.1.0.ts'
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
  ])('are valid for their schema after they were written to JSON and read again ($name)', ({ event }) => {
    expect(ResultEvent.parse(asSent(event))).toEqual(asSent(event))
  })

  it('the schemas for writers refuse unknown fields, so a function never sends such a field by mistake', () => {
    expect(ResultEvent.safeParse({ ...asSent(anAcceptedEvent(item)), extra: 1 }).success).toBe(false)
    expect(InferenceMessage.safeParse({ ...asSent(aMessage(item)), v: 2 }).success).toBe(false)
  })
})

describe('outcomeEvent', () => {
  const message = aMessage(anItem({ metadata: { tag: 'x' } }))
  const times = { attempt: 1, reached: true, started_at: NOW, completed_at: NOW + 5 }
  const error = { code: 'invalid_model_response', message: 'm', status: 200, detail: 'the model said this' }

  it.each([
    undefined,
    { total_tokens: 7 },
    { prompt_tokens: 7, total_tokens: 7 },
    { completion_tokens: 0, total_tokens: 7 },
    { prompt_tokens: 0, completion_tokens: 7, total_tokens: 7 },
  ])('has the token counts that the model reported, in a form that version 0.1.0 can read (%j)', usage => {
    const success = outcomeEvent(message, { ...times, status: 'completed', usage, result: { inline: 'ok' } }, undefined)
    const failure = outcomeEvent(message, { ...times, status: 'failed', usage, error }, undefined)

    for (const event of [success, failure]) {
      const sent = ResultEvent.parse(asSent(event))
      expect(OutcomeEventOf010.safeParse(asSent(event)).error).toBeUndefined()
      expect(sent.type === 'outcome' && usageOf(sent)).toEqual(usage)
    }
    expect(failureOf(failure)).toEqual(error)
  })
})

describe('endedEvent', () => {
  it.each(['queued', 'running'] as const)(
    'gives no event for a request that is %s, since the request has not ended',
    status => {
      expect(endedEvent(anItem({ status }))).toBeUndefined()
    },
  )

  it('gives no event for a completed request, since only the worker’s `outcome` event has the result (rule 9)', () => {
    expect(endedEvent(anItem({ status: 'completed' }))).toBeUndefined()
  })

  it.each(['failed', 'cancelled', 'expired', 'rejected'] as const)(
    'gives an event with the fields of the request item for a request that is %s',
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
