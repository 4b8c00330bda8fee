import type { ModelFailure } from '../../functions/core/inference/port.ts'
import type { Retry } from '../../functions/core/inference/retry.ts'

/** What a model's retries are unless its pipeline says otherwise. */
export const aRetry = (fields: Partial<Retry> = {}): Retry => ({
  attempts: 5,
  period_ms: 1_000,
  max_backoff_ms: 30_000,
  backoff_on: [429, 503],
  drop_on: [400, 404],
  ...fields,
})

/** A failure of the model. */
export const failure = (fields: Partial<ModelFailure> = {}): ModelFailure => ({
  ok: false,
  code: 'model_error',
  message: 'm',
  reached: true,
  ...fields,
})
