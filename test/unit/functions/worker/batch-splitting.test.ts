import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ModelAnswer, ModelFailure } from '../../../../functions/core/inference/port.ts'
import { promptsOf } from '../../../support/batch-worker.ts'
import { failure as aFailure, aRetry } from '../../../support/failures.ts'
import { redeliver } from '../../../support/redeliver.ts'
import { aMessage, anItem } from '../../../support/requests.ts'
import { type Asked, aWorker } from '../../../support/worker.ts'

const RETRY = aRetry()
const REFUSED = aFailure({ code: 'model_rejected', status: 400 })
const UNREADABLE = aFailure({ code: 'invalid_model_response' })
const BROKEN = aFailure({ status: 500 })
const RESET = aFailure({ code: 'model_unreachable' })

const BAD = 'bad'

/** Runs requests in batches. `bad` has the places of the bad requests. The call of a batch fails if the batch has one of them. */
async function runPoisoned({
  size,
  count,
  bad,
  failure,
}: {
  size: number
  count: number
  bad: Set<number>
  failure: ModelFailure
}) {
  const answer = (asked: Asked): ModelAnswer => {
    const prompts = promptsOf(asked)
    if (prompts.includes(BAD)) return failure
    return { ok: true, answer: { outputs: prompts.map(prompt => ({ result: prompt })) } }
  }
  const worker = aWorker(answer, { batched: true, retry: RETRY })
  const messages = await Promise.all(
    Array.from({ length: count }, async (_, i) =>
      aMessage(await worker.ports.items.create(anItem()), { prompt: bad.has(i) ? BAD : `good ${i}` }),
    ),
  )
  await redeliver(worker, messages, size)
  const ids = (of: readonly { readonly request_id: string }[]) => of.map(({ request_id }) => request_id).toSorted()
  return {
    calls: worker.asked.length,
    deliveries: worker.deferred().length,
    completed: ids(worker.outcomes().filter(({ status }) => status === 'completed')),
    failed: ids(worker.outcomes().filter(({ status }) => status === 'failed')),
    good: ids(messages.filter((_, i) => !bad.has(i))),
    culprits: ids(messages.filter((_, i) => bad.has(i))),
  }
}

const aFew = (count: number) =>
  fc.uniqueArray(fc.nat(count - 1), { minLength: 1, maxLength: 3 }).map(places => new Set(places))
const aBatch = fc
  .integer({ min: 4, max: 24 })
  .chain(count => fc.record({ count: fc.constant(count), bad: aFew(count) }))

describe('a worker with batches: a batch with bad requests', () => {
  it.each([
    { what: 'refused', failure: REFUSED },
    { what: 'answered with text that is not JSON', failure: UNREADABLE },
  ])(
    'is split within its invocation when it is $what: the good requests complete, and the bad ones fail',
    async ({ failure }) => {
      await fc.assert(
        fc.asyncProperty(aBatch, async ({ count, bad }) => {
          const run = await runPoisoned({ size: count, count, bad, failure })

          expect(run.completed).toEqual(run.good)
          expect(run.failed).toEqual(run.culprits)
          expect(run.deliveries).toBe(0)
          expect(run.calls).toBeLessThanOrEqual(2 * count)
        }),
        { numRuns: 60 },
      )
    },
  )

  it.each([
    { what: 'a server error', failure: BROKEN },
    { what: 'a reset connection', failure: RESET },
  ])(
    'a batch with bad requests is split within its invocation, and retried in smaller batches if necessary, after $what',
    async ({ failure }) => {
      await fc.assert(
        fc.asyncProperty(aBatch, async ({ count, bad }) => {
          const run = await runPoisoned({ size: count, count, bad, failure })

          expect(run.completed).toEqual(run.good)
          expect(run.failed).toEqual(run.culprits)
        }),
        { numRuns: 60 },
      )
    },
  )

  it.each([
    { what: 'refused', failure: REFUSED },
    { what: 'a server error', failure: BROKEN },
    { what: 'a reset connection', failure: RESET },
  ])(
    'if three of 95 requests are bad, the worker needs fewer than 40 calls in batches of ten (the failure: $what)',
    async ({ failure }) => {
      const places = fc.uniqueArray(fc.nat(94), { minLength: 3, maxLength: 3 })
      await fc.assert(
        fc.asyncProperty(places, async bad => {
          const run = await runPoisoned({ size: 10, count: 95, bad: new Set(bad), failure })

          expect(run.completed).toHaveLength(92)
          expect(run.failed).toEqual(run.culprits)
          expect(run.calls).toBeLessThan(40)
        }),
        { numRuns: 25 },
      )
    },
  )

  it('if none of 95 requests is bad, the worker needs ten calls in batches of ten', async () => {
    const run = await runPoisoned({ size: 10, count: 95, bad: new Set(), failure: REFUSED })

    expect(run.completed).toHaveLength(95)
    expect(run.calls).toBe(10)
  })
})
