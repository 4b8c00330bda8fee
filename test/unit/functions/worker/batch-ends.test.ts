import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ModelFailure } from '../../../../functions/core/inference/port.ts'
import { aBatchWorker, echo } from '../../../support/batch-worker.ts'
import { failure } from '../../../support/failures.ts'
import { redeliver } from '../../../support/redeliver.ts'

const ATTEMPTS = 3
const RETRY = { attempts: ATTEMPTS, period_ms: 1_000, max_backoff_ms: 30_000, backoff_on: [503], drop_on: [400, 501] }

/**
 * Each retry after a refusal has a quarter of the requests of the refused batch. So a batch of 24 requests may be refused three
 * times before each of its requests is alone in a call. These three attempts come on top of `ATTEMPTS`.
 */
const SMALLER_PARTS = 3

const aFailure = fc.constantFrom<Partial<ModelFailure>>(
  { status: 429 },
  { status: 429, retry_after_ms: 5_000 },
  { status: 400, code: 'model_rejected' },
  { status: 500 },
  { status: 501 },
  { status: 503 },
  { code: 'model_timeout' },
  { code: 'model_unreachable', reached: true },
  { code: 'model_unreachable', reached: false },
  { code: 'invalid_model_response' },
  { code: 'result_too_large' },
)
/** The answers of the model: mostly failures, and undefined for a success. The last answer is repeated. */
const someAnswers = fc.array(fc.oneof({ weight: 4, arbitrary: aFailure }, fc.constant(undefined)), {
  minLength: 1,
  maxLength: 30,
})

describe('a worker with batches: a batch of any size', () => {
  it.each([{ retried: [503] }, { retried: [429, 503] }])(
    'ends each of its requests exactly once, after a limited number of attempts, whatever the model answers (retried: $retried)',
    async ({ retried }) => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 24 }), someAnswers, async (count, answers) => {
          let asked = 0
          const { invoke, ports, deferred, messagesOf, outcomes } = aBatchWorker(
            prompts => {
              const fields = answers[Math.min(asked++, answers.length - 1)]
              return fields ? failure(fields) : echo(prompts)
            },
            { retry: { ...RETRY, backoff_on: retried } },
          )
          const messages = await messagesOf(Array.from({ length: count }, (_, i) => `p${i}`))

          await redeliver({ invoke, ports, deferred }, messages, count)

          const ids = (of: readonly { request_id: string }[]) => of.map(({ request_id }) => request_id).toSorted()
          expect(ids(outcomes())).toEqual(ids(messages))
          const attempts = Math.max(...outcomes().map(({ attempt }) => attempt))
          expect(attempts).toBeLessThanOrEqual(ATTEMPTS + SMALLER_PARTS)
        }),
        { numRuns: 150 },
      )
    },
  )
})
