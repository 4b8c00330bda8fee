import type { Answered, ModelAnswer, ModelFailure, Reply } from '../../functions/core/inference/port.ts'
import type { Retry } from '../../functions/core/inference/retry.ts'

/** The default retry settings of a model. */
export const aRetry = (fields: Partial<Retry> = {}): Retry => ({
  attempts: 5,
  period_ms: 1_000,
  max_backoff_ms: 30_000,
  backoff_on: [429, 503],
  drop_on: [400, 404],
  ...fields,
})

/** The model's answer as a failure: by default, a 500 that may be retried. */
export const failure = (fields: Partial<ModelFailure> = {}): ModelFailure => ({
  ok: false,
  verdict: 'retry',
  code: 'model_error',
  message: 'm',
  reached: true,
  ...fields,
})

/** An HTTP answer of a model. By default, it is a 200 with this JSON. */
export const answered = (value: unknown, fields: Partial<Answered> = {}): Answered => ({
  kind: 'answered',
  url: 'https://model.example/v1/predict',
  status: 200,
  headers: { 'content-type': 'application/json' },
  content_type: 'application/json',
  body: { kind: 'json', value },
  ...fields,
})

/** Makes the reply of a model for which the judge gives this answer. */
export function replyOf(answer: ModelAnswer): Reply {
  if (answer.ok) return answered(answer.answer)
  const { code, message, status, retry_after_ms, reached } = answer
  if (status !== undefined) {
    const pause = retry_after_ms === undefined ? {} : { 'retry-after-ms': String(retry_after_ms) }
    return answered({ error: message }, { status, headers: pause })
  }
  if (code === 'invalid_model_response' || code === 'result_too_large')
    return answered(undefined, { body: { kind: 'unusable', code, message } })
  return { kind: 'broken', code, message, reached, retry: 'as configured' }
}
