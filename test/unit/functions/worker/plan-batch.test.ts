import type { SQSRecord } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import type { Hints } from '../../../../functions/core/domain/messages.ts'
import { type Job, plan, type Received } from '../../../../functions/worker/plan-batch.ts'
import { aMessage, anItem } from '../../../support/requests.ts'

const record = { messageId: 'm' } as SQSRecord
const received = (hints?: Hints): Received => ({ record, message: { ...aMessage(anItem()), hints } })
const unreadable: Received = { record, message: undefined }

const inShort = (job: Job) =>
  job.act === 'run' ? `run ${job.members.length}${job.members[0]?.isAlone ? ' alone' : ''}` : job.act
const planned = (of: readonly Received[], batched = false) => plan(of, batched).map(inShort)

describe('plan', () => {
  it('has a call a message', () => {
    expect(planned([received(), received()])).toEqual(['run 1', 'run 1'])
  })

  it('has one call for all of them where there are batches', () => {
    expect(planned([received(), received(), received()], true)).toEqual(['run 3'])
  })

  it('has calls of the size that the members of a failed batch may have, apart from others', () => {
    const small = [1, 1, 3, 3, 3, 3].map(at_most => received({ at_most }))

    expect(planned([...small, received(), received()], true)).toEqual(['run 1', 'run 1', 'run 3', 'run 1', 'run 2'])
  })

  it('has calls with few of the bodies that are not in their messages, whatever else is in them', () => {
    const large: Received = { record, message: { ...aMessage(anItem()), body: { key: 'k' } } }
    const mixed = [...Array.from({ length: 30 }, () => received()), ...Array.from({ length: 23 }, () => large)]

    expect(planned(mixed, true)).toEqual(['run 40', 'run 10', 'run 3'])
  })

  it.each([true, false])('knows a message that is alone anyway (batched: %s)', batched => {
    expect(planned([received()], batched)).toEqual(['run 1 alone'])
  })

  it.each([true, false])(
    'runs those that took a worker with them alone, and all others another time (batched: %s)',
    batched => {
      const dangerous = received({ alone: true })

      expect(planned([received(), dangerous, dangerous, received()], batched)).toEqual([
        'postpone',
        'postpone',
        'run 1 alone',
        'run 1 alone',
      ])
    },
  )

  it('reports what can’t be read, whatever the others are', () => {
    expect(planned([unreadable, received({ alone: true }), unreadable, received()])).toEqual([
      'report',
      'report',
      'postpone',
      'run 1 alone',
    ])
  })
})
