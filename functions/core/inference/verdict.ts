import type { FailureCode } from '../domain/errors.ts'
import type { Answered, Broken, ModelAnswer, ModelFailure, Reply, Verdict } from './port.ts'
import type { Retry } from './retry.ts'
import { retryAfter } from './retry-after.ts'

/** The rules of a model for its answers. */
export interface VerdictRules {
  readonly retry: Pick<Retry, 'backoff_on' | 'drop_on'>
  /** Whether the calls carry a secret. A 401 then says that the secret is wrong. */
  readonly has_secret: boolean
}

/** Judges what came back from one call, at a time. */
export const judge = (reply: Reply, rules: VerdictRules, now: number): ModelAnswer =>
  reply.kind === 'broken' ? ofBroken(reply) : ofAnswered(reply, rules, now)

const ofBroken = ({ code, message, reached, retry }: Broken): ModelFailure => ({
  ok: false,
  verdict: retry === 'never' ? 'drop' : 'retry',
  code,
  message,
  reached,
  ...(retry === 'once' && { once: true }),
})

function ofAnswered({ status, headers, body, content_type }: Answered, rules: VerdictRules, now: number): ModelAnswer {
  if (status >= 300) {
    const pause = retryAfter(headers, now)
    const isError = status === 429 || status >= 500
    const message = isError ? `the model answered ${status}` : `the model refused the request with ${status}`
    return {
      ...failure(verdictOfStatus(status, rules), isError ? 'model_error' : 'model_rejected', message),
      status,
      ...(pause !== undefined && { retry_after_ms: pause }),
    }
  }
  switch (body.kind) {
    case 'json':
      return { ok: true, answer: body.value, status, content_type }
    case 'unusable':
      return { ...failure('drop', body.code, body.message), status }
    case 'text':
      return { ...failure('drop', 'invalid_model_response', `the model's answer ${body.why}`), status }
    case 'empty':
      return { ...failure('drop', 'invalid_model_response', "the model's answer is empty"), status }
  }
}

/** What a status from 300 on means. The lists of pipeline.yaml win. */
function verdictOfStatus(status: number, { retry, has_secret }: VerdictRules): Verdict {
  if (retry.backoff_on.includes(status)) return 'retry'
  if (retry.drop_on.includes(status)) return 'drop'
  if (status === 401 && has_secret) return 'halt'
  return status >= 500 ? 'retry' : 'drop'
}

const failure = (verdict: Verdict, code: FailureCode, message: string): ModelFailure => ({
  ok: false,
  verdict,
  code,
  message,
  reached: true,
})
