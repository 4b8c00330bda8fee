import { describe, expect, it } from 'vitest'
import type { Hints } from '../../../../functions/core/domain/messages.ts'
import { planBatch } from '../../../../functions/worker/plan-batch.ts'
import type { Job, Received } from '../../../../functions/worker/types.ts'
import { aDelivery } from '../../../support/deliveries.ts'
import { aMessage, anItem } from '../../../support/requests.ts'

const delivery = aDelivery('text')
const received = (hints?: Hints): Received => ({ delivery, message: { ...aMessage(anItem()), hints } })
const unreadable: Received = { delivery, message: undefined }

const inShort = (job: Job) =>
  job.act === 'call' ? `call for ${job.requests.length}${job.requests[0]?.isolated ? ', isolated' : ''}` : job.act
const planned = (of: readonly Received[], batched = false) => planBatch(of, batched).map(inShort)

describe('planBatch', () => {
  it('plans a call per message', () => {
    expect(planned([received(), received()])).toEqual(['call for 1', 'call for 1'])
  })

  it('plans one call for all messages if the model takes batches', () => {
    expect(planned([received(), received(), received()], true)).toEqual(['call for 3'])
  })

  it('plans messages of failed batches in calls of at most the size that the messages have as a hint, and other messages in a call of their own', () => {
    const small = [1, 1, 3, 3, 3, 3].map(atMost => received({ at_most: atMost }))

    expect(planned([...small, received(), received()], true)).toEqual([
      'call for 1',
      'call for 1',
      'call for 3',
      'call for 1',
      'call for 2',
    ])
  })

  it('plans at most 10 requests with stored bodies per call, but more requests with bodies in their messages', () => {
    const stored: Received = { delivery, message: { ...aMessage(anItem()), body: { key: 'k' } } }
    const mixed = [...Array.from({ length: 30 }, () => received()), ...Array.from({ length: 23 }, () => stored)]

    expect(planned(mixed, true)).toEqual(['call for 40', 'call for 10', 'call for 3'])
  })

  it.each([true, false])(
    'isolates the only message of an invocation, so a crash would count for its request (batched: %s)',
    batched => {
      expect(planned([received()], batched)).toEqual(['call for 1, isolated'])
    },
  )

  it('does not isolate the only message if other invocations share the environment, since their requests could cause a crash, too', () => {
    expect(planBatch([received()], false, true).map(inShort)).toEqual(['call for 1'])
    expect(planBatch([received({ alone: true })], false, true).map(inShort)).toEqual(['call for 1, isolated'])
  })

  it.each([true, false])(
    'isolates requests whose workers have crashed, and sends all other messages again (batched: %s)',
    batched => {
      const dangerous = received({ alone: true })

      expect(planned([received(), dangerous, dangerous, received()], batched)).toEqual([
        'resend',
        'resend',
        'call for 1, isolated',
        'call for 1, isolated',
      ])
    },
  )

  it('reports unreadable messages also if other requests must be isolated', () => {
    expect(planned([unreadable, received({ alone: true }), unreadable, received()])).toEqual([
      'report unreadable',
      'report unreadable',
      'resend',
      'call for 1, isolated',
    ])
  })
})
