import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FailureNotes, LastFailure } from '../../functions/core/flow-control/port.ts'
import { NOW } from '../support/clock.ts'

export interface FailureNotesEngine {
  readonly notes: FailureNotes
  close(): Promise<void>
}

const failure: LastFailure = {
  at: NOW,
  code: 'model_error',
  status: 500,
  reason: 'the model answered 500: out of memory',
  request_id: '019ab000-0000-7000-8000-000000000001',
}

/** Checks a store of the last failed call per model. */
export function describeFailureNotesContract(name: string, makeEngine: () => Promise<FailureNotesEngine>): void {
  let engine: FailureNotesEngine
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine.close())

  describe(`the store of the last failed call per model, on ${name}`, () => {
    it('the store has no failed call to a model before one is stored', async () => {
      expect(await engine.notes.last('untouched')).toBeUndefined()
    })

    it('the store keeps the newest failed call, even if an older failed call is stored after it', async () => {
      const newer = { at: NOW + 1, code: 'model_timeout', reason: 'it did not answer', request_id: failure.request_id }

      await engine.notes.note('text', failure)
      const first = await engine.notes.last('text')
      await engine.notes.note('text', newer)
      await engine.notes.note('text', failure)

      expect(first).toEqual(failure)
      expect(await engine.notes.last('text')).toEqual(newer)
    })

    it('the store keeps a failed call per model', async () => {
      await engine.notes.note('one', failure)

      expect(await engine.notes.last('other')).toBeUndefined()
    })
  })
}
