import { describe, expect, it } from 'vitest'
import type { ModelState } from '../../../functions/core/flow-control/state.ts'
import { UNTOUCHED } from '../../../functions/core/flow-control/state.ts'
import { markOf } from '../../../functions/core/flow-control/users.ts'
import { type WaitingPorts, whyItWaits } from '../../../lib/cli/operations/why-it-waits.ts'
import { NOW } from '../../support/clock.ts'
import { anOutage } from '../../support/faults.ts'
import { memoryFailureNotes } from '../../support/memory/failure-notes.ts'
import { memoryModelStates } from '../../support/memory/model-states.ts'
import { MODELS } from './local-system.ts'

const REQUEST = { model: 'text', user: 'u1', priority: 'normal', attempts: 1 }
const later = new Date(NOW + 5_000).toISOString()

function ports(state: Partial<ModelState> = {}, countWaiting: WaitingPorts['countWaiting'] = async () => 7) {
  const modelStates = memoryModelStates()
  const failures = memoryFailureNotes()
  const store = () => modelStates.write('text', { ...UNTOUCHED, ...state, version: 1, writer: 'test' })
  return { all: { modelStates, failures, models: MODELS, countWaiting, clock: () => NOW }, store, failures }
}

describe('why a request waits', () => {
  const Halted = { since: NOW - 1_000, until: NOW + 5_000, times: 1, code: 'model_rejected', reason: 'no credit' }
  it.each<readonly [string, Partial<ModelState>, object, string]>([
    ['halted', { halted: Halted, paused_until: NOW + 1_000 }, {}, 'The reason: no credit'],
    ['open', { open: { until: NOW + 5_000, times: 1 } }, {}, `tried again at ${later}`],
    ['open', { open: { until: NOW, times: 1 } }, {}, 'tried again now by one call'],
    ['paused', { paused_until: NOW + 5_000 }, {}, `no calls until ${later}`],
    ['retry', {}, { not_before: later }, `attempt 1 failed: the next one begins at ${later}`],
    ['rate limited', { calls: [{ from: NOW, count: 20 }] }, {}, 'the rate limit of text is used up'],
    ['queue', {}, {}, 'about 7 messages of priority normal wait'],
    ['queue', { open: { until: NOW + 5_000, times: 1 }, open_for: [markOf('other')] }, {}, 'but its queue'],
  ])(
    'the reason of a wait is given as "%s", with a sentence that explains it',
    async (because, state, more, sentence) => {
      const { all, store } = ports(state)
      await store()

      const waits = await whyItWaits(all, { ...REQUEST, ...more })

      expect(waits).toMatchObject({ because, sentence: expect.stringContaining(sentence) })
    },
  )

  it('the reason of a wait is given together with the last failed call to the model', async () => {
    const { all, failures } = ports()
    await failures.note('text', { at: NOW, code: 'model_error', status: 500, reason: 'no memory', request_id: 'r' })

    expect((await whyItWaits(all, REQUEST)).last_failure).toMatchObject({ status: 500, reason: 'no memory' })
  })

  it('the reason of a wait is given even if the queue can’t be asked for its number of messages', async () => {
    const { all } = ports({}, async () => Promise.reject(anOutage('the queue')))

    expect(await whyItWaits(all, REQUEST)).toEqual({ because: 'queue', sentence: 'nothing holds it up but its queue' })
  })
})
