import { describe, expect, it } from 'vitest'
import { acceptedEntry, decidedEntry } from '../../../../../../functions/collector/entry.ts'
import { merge } from '../../../../../../functions/core/stores/ledger/merge.ts'
import { anAcceptedEvent, anItem, anOutcome } from '../../../../../support/requests.ts'

const item = anItem({ metadata: { tag: 'x' } })
const accepted = acceptedEntry(anAcceptedEvent(item, 'the prompt'))
const completed = decidedEntry(anOutcome(item, { prompt: undefined }), { ...item, status: 'completed', attempt: 1 })

describe('merge: the rows of several events in one statement', () => {
  it.each([
    { what: 'the acceptance first', entries: [accepted, completed] },
    { what: 'the end first', entries: [completed, accepted] },
    { what: 'each of them twice', entries: [accepted, completed, completed, accepted] },
  ])('makes one row of two events of one request: $what', ({ entries }) => {
    expect(merge(entries).rows).toMatchObject([
      { status: 'completed', attempts: 1, prompt: 'the prompt', result: { text: 'hi' } },
    ])
  })

  it('makes one row per request', () => {
    const another = acceptedEntry(anAcceptedEvent(anItem()))

    expect(merge([accepted, another]).rows).toMatchObject([
      { request_id: accepted.row?.request_id, status: 'queued' },
      { request_id: another.row?.request_id, status: 'queued' },
    ])
  })
})
