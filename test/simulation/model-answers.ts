import type { ModelFailure, Reply } from '../../functions/core/inference/port.ts'
import { answered, failure, replyOf } from '../support/failures.ts'

/** The AI model's answer to one request: in a call of its own, or as an element of a batch. */
export interface Output {
  readonly answer: 'success' | 'useless answer' | 'refused'
  readonly tokens: number | undefined
  readonly give: (mark: string) => unknown
}

/** The AI model's error answer to a whole call. */
export interface Refusal {
  /** True if the same call may succeed later. The values are taken from the docs and not from the code, so that the checks find mistakes in the code. */
  readonly retriable: boolean
  readonly reached: boolean
  readonly retryAfterMs: number
  /** True if the error halts the model. The call is then not charged and spends no attempt. `maybe` is a 403, which halts the model only in some cases. */
  readonly halts: boolean | 'maybe'
  /**
   * Each answer of the model contains a mark, i.e. a unique text. The user's error contains this mark always, only if the call was for one
   * request (`alone`), or never. The user's error after a failed batch has no text of the model, since the text may be about another request.
   */
  readonly isMarked: 'always' | 'alone' | 'never'
  readonly give: (mark: string) => Reply
}

const success = (
  tokens: number | undefined,
  filling = '',
  usage: unknown = tokens === undefined ? undefined : { prompt_tokens: 1, completion_tokens: tokens - 1 },
): Output => ({
  answer: 'success',
  tokens,
  give: mark => ({ result: { mark, filling }, ...(usage === undefined ? {} : { usage }) }),
})
const useless = (answer: unknown): Output => ({ answer: 'useless answer', tokens: undefined, give: () => answer })

/** A text that is too large for a message or a row. */
const LARGE = 'x'.repeat(50_000)

export const SUCCESSES: readonly (readonly [number, Output])[] = [
  [8, success(3)],
  [4, success(9)],
  [2, success(30)],
  [3, success(undefined)],
  [1, success(5, '\u{1f600}\uffff"\\\u2028')],
  [0.4, success(4, LARGE)],
  [0.5, success(6, '', { total_tokens: 6 })],
  [0.5, success(30, '', { prompt_tokens: '20', completion_tokens: 9.5, total_tokens: 0 })],
  [0.5, success(undefined, '', { prompt_tokens: -5, total_tokens: null })],
]
export const USELESS: readonly (readonly [number, Output])[] = [
  [0.5, useless({ text: 'no result' })],
  [0.5, useless({ result: null, usage: { prompt_tokens: -5 } })],
]
/** An element of a batch that fails alone. */
export const REFUSED: Output = {
  answer: 'refused',
  tokens: undefined,
  give: () => ({ error: 'no' }),
}

const refusal = (
  fields: Pick<ModelFailure, 'code' | 'status' | 'retry_after_ms'>,
  of: Partial<Refusal> = {},
): Refusal => ({
  retriable: true,
  reached: true,
  retryAfterMs: fields.retry_after_ms ?? 0,
  isMarked: fields.status === undefined ? 'always' : 'alone',
  halts: false,
  give: mark => replyOf(failure({ message: `the model failed (${mark})`, reached: of.reached ?? true, ...fields })),
  ...of,
})

export const BROKEN = refusal({ code: 'model_error', status: 500 })
export const REJECTED = refusal({ code: 'model_rejected', status: 400 }, { retriable: false })
const SECOND = 1_000

/** Failures of calls that may succeed later. */
export const OUTAGES: readonly (readonly [number, Refusal])[] = [
  [2, refusal({ code: 'model_error', status: 503 })],
  [1, BROKEN],
  [1, refusal({ code: 'model_timeout' })],
  [1, refusal({ code: 'model_unreachable' }, { reached: false })],
  [0.5, refusal({ code: 'model_unreachable' })],
  [0.5, refusal({ code: 'model_error', status: 503, retry_after_ms: 3 * SECOND })],
  [0.5, refusal({ code: 'model_error', status: 429 })],
  [0.5, refusal({ code: 'model_error', status: 429, retry_after_ms: 20 * SECOND })],
  [0.1, refusal({ code: 'model_error', status: 429, retry_after_ms: 3_600 * SECOND })],
]
/** The model's answer to a wrong key. The answer halts the model. The call is not charged and spends no attempt. */
export const HALTING: readonly (readonly [number, Refusal])[] = [
  [1, refusal({ code: 'model_rejected', status: 401 }, { retriable: false, reached: false, halts: true })],
]
/** Failures that are caused by the content of a call. */
export const FAILURES: readonly (readonly [number, Refusal])[] = [
  [1, REJECTED],
  [0.5, refusal({ code: 'model_rejected', status: 403 }, { retriable: false, halts: 'maybe' })],
  [1, refusal({ code: 'invalid_model_response' }, { retriable: false })],
]
/** An answer to a batch that leaves out most of its requests. */
export const TOO_FEW = refusal(
  { code: 'invalid_model_response' },
  { retriable: false, isMarked: 'never', give: () => answered({ outputs: [] }) },
)
