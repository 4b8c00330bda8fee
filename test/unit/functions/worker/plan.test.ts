import type { SQSRecord } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { plan } from '../../../../functions/worker/plan.ts'
import { aMessage, anItem } from '../../../support/requests.ts'

const record = { messageId: 'm' } as SQSRecord
const harmless = () => ({ record, message: aMessage(anItem()) })
const dangerous = () => ({ record, message: { ...aMessage(anItem()), alone: true } })
const actsOf = (received: Parameters<typeof plan>[0]) => plan(received).map(({ act }) => act)

describe('plan', () => {
  it('runs all of a batch at once', () => {
    expect(actsOf([harmless(), harmless()])).toEqual(['run', 'run'])
  })

  it('knows a message that is alone anyway', () => {
    expect(actsOf([harmless()])).toEqual(['run alone'])
  })

  it('runs one that took a worker with it alone, and all others another time', () => {
    expect(actsOf([harmless(), dangerous(), dangerous(), harmless()])).toEqual([
      'postpone',
      'run alone',
      'postpone',
      'postpone',
    ])
  })

  it('reports what can’t be read, whatever the others are', () => {
    const unreadable = { record, message: undefined }

    expect(actsOf([unreadable, dangerous(), unreadable, harmless()])).toEqual([
      'report',
      'run alone',
      'report',
      'postpone',
    ])
  })
})
