import type { FailureCode } from '../domain/errors.ts'
import { detailOf } from './detail.ts'
import type { Answered, Broken, ModelAnswer, ModelFailure, Reply, Verdict } from './port.ts'
import type { Retry } from './retry.ts'
import { retryAfter } from './retry-after.ts'
import { conditionSentence, isPage, kindOf, statusSentence, textSentence } from './sentences.ts'

/** The rules of a model for its answers. */
export interface VerdictRules {
  readonly retry: Pick<Retry, 'backoff_on' | 'drop_on'>
  /**
   * Whether the calls carry a secret. If they do, a 401 means that the secret is wrong, and halts the model: no calls
   * are made except probes, until one succeeds or an operator resets the model.
   */
  readonly has_secret: boolean
}

/** The facts that decide a verdict besides the answer. */
export interface Circumstances {
  readonly rules: VerdictRules
  /** The verdict of pipeline.yaml's conditions on the answer. */
  readonly condition: Verdict | undefined
  /** Whether the model's words may be quoted. Words about a batch could show one user the request of another. */
  readonly quotes: boolean
  /** The time of the answer, in epoch milliseconds. */
  readonly now: number
}

/** Judges the reply of one call. The conditions decide first, then the status, then the body. Never throws. */
export const judge = (reply: Reply, by: Circumstances): ModelAnswer =>
  reply.kind === 'broken' ? ofBroken(reply) : ofAnswered(reply, by)

const ofBroken = ({ code, message, reached, retry }: Broken): ModelFailure => ({
  ok: false,
  verdict: retry === 'never' ? 'drop' : 'retry',
  code,
  message,
  reached,
  ...(retry === 'once' && { once: true }),
})

function ofAnswered(answered: Answered, by: Circumstances): ModelAnswer {
  const { status, body, content_type } = answered
  const words = detailOf(answered)
  const fail = (verdict: Verdict, code: FailureCode, message: string): ModelFailure => ({
    ...failure(verdict, code, message, answered, by),
    ...(verdict === 'retry' && saysItLoads(answered, words) && { loading: true }),
    ...(by.quotes && words !== undefined && { detail: words }),
  })
  if (by.condition)
    return fail(by.condition, codeOfCondition(by.condition, status), conditionSentence(by.condition, answered))
  if (status >= 300) {
    const verdict = verdictOfStatus(status, by.rules)
    return fail(verdict, codeOfStatus(status), statusSentence(answered, isErrorStatus(status), verdict === 'halt'))
  }
  switch (body.kind) {
    case 'json':
      return { ok: true, answer: body.value, status, content_type }
    case 'unusable':
      return fail('drop', body.code, `${body.message} (${kindOf(answered)})`)
    case 'text':
      return fail(
        isPage(answered, body.text) ? 'retry' : 'drop',
        'invalid_model_response',
        textSentence(answered, body, by.quotes),
      )
    case 'empty':
      return fail('drop', 'invalid_model_response', `the model answered nothing (${kindOf(answered)})`)
  }
}

/**
 * The first words of a model that is loading. Only the beginning of the model's words counts, because the rest may
 * quote a client's prompt. Otherwise a prompt could make the model look as if it were loading, and pause all its calls.
 */
const LOADS = /^(error: )?(loading (the |a )?model\b|(the )?model( \S+)? is (currently |still )?loading\b)/i
const FAILS_TO_LOAD = /\b(error|fail\w*|cannot|can't|could not)\b/i

/**
 * Returns whether an answer says that the model is loading. llama.cpp answers 503 "Loading model", and TGI 503 "Model …
 * is currently loading". SageMaker and Bedrock answer 429 with the error type `ModelNotReadyException`.
 */
const saysItLoads = ({ status, headers }: Answered, words = ''): boolean =>
  (status === 503 && LOADS.test(words) && !FAILS_TO_LOAD.test(words)) ||
  (status === 429 && headers['x-amzn-errortype']?.startsWith('ModelNotReadyException') === true)

/**
 * The statuses below 500 after which the same call may succeed later: a timeout, a conflict, a call that came too
 * early, and too many calls.
 */
const PASSING = new Set([408, 409, 425, 429])

const isErrorStatus = (status: number): boolean => status >= 500 || PASSING.has(status)

/** Returns the verdict on a status of 300 or more. The lists of pipeline.yaml decide first. */
export function verdictOfStatus(status: number, { retry, has_secret }: VerdictRules): Verdict {
  if (retry.drop_on.includes(status)) return 'drop'
  if (retry.backoff_on.includes(status) || isErrorStatus(status)) return 'retry'
  return status === 401 && has_secret ? 'halt' : 'drop'
}

/** Returns the code of a failure by its status. */
export const codeOfStatus = (status: number): FailureCode => (isErrorStatus(status) ? 'model_error' : 'model_rejected')

/** Returns the code of a failure that a condition has found. */
export const codeOfCondition = (condition: Verdict, status: number): FailureCode =>
  condition === 'drop' || (condition === 'halt' && (status === 401 || status === 403))
    ? 'model_rejected'
    : 'model_error'

/** Builds a failure with the model's words and its pause. */
export function failure(
  verdict: Verdict,
  code: FailureCode,
  message: string,
  { status, headers }: Answered,
  { condition, now }: Circumstances,
): ModelFailure {
  const pause = retryAfter(headers, now)
  return {
    ok: false,
    verdict,
    code,
    message,
    reached: true,
    status,
    ...(pause !== undefined && { retry_after_ms: pause }),
    ...(condition && { configured: true }),
  }
}
