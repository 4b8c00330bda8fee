import type { Logger } from '@aws-lambda-powertools/logger'
import { withoutQuote } from '../core/inference/sentences.ts'
import type { Ended } from './collect.ts'

/**
 * Logs the end of a request in one line, at WARN if it failed. Durations are in milliseconds: `queued_ms` until the
 * first attempt, `ran_ms` from the first attempt to the end. `model_status` and `detail` come from the model's answer.
 * The line has no prompt, no result and no key. An event that is delivered twice is logged twice, so a sum over these
 * lines may be too high.
 */
export function logEnd(logger: Pick<Logger, 'info' | 'warn'>, ended: Ended): void {
  const { request_id, user_id, model, status, run, attempt, error, charge, created_at, started_at, trace_id } = ended
  const reason = withoutQuote(error?.message ?? '')
  const completedAt = ended.completed_at ?? created_at
  const fields = {
    request_id,
    user_id,
    model,
    status,
    run,
    attempts: attempt,
    ...(error && { code: error.code, reason, model_status: error.status, detail: error.detail }),
    ...(charge !== undefined && { charged_tokens: charge }),
    ...(started_at !== undefined && { queued_ms: started_at - created_at, ran_ms: completedAt - started_at }),
    total_ms: completedAt - created_at,
    ...(trace_id !== undefined && { trace_id }),
  }
  if (status === 'failed') logger.warn(`a request of ${model} failed: ${reason}`, fields)
  else logger.info(`a request of ${model} is ${status}`, fields)
}
