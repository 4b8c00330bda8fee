import type { Usage } from '../core/domain/item.ts'
import { isObject } from '../core/domain/json-value.ts'
import { detailOfValue } from '../core/inference/detail.ts'
import { MappingError, type Mappings } from '../core/inference/mapping.ts'
import type { ModelFailure, ModelSuccess } from '../core/inference/port.ts'
import { noResultSentence } from '../core/inference/sentences.ts'

/**
 * The largest result that is kept, in bytes of JSON in UTF-8. A larger result would not fit into the reader's answer to
 * a GET.
 */
const MAX_RESULT_BYTES = 4 * 1024 * 1024

/**
 * The values that the response mapping has read from an answer. `usage` is absent if the model has reported no readable
 * usage.
 */
export type ReadResult = {
  readonly usage: Usage | undefined
  /** Whether a part of the reported usage can't be read. */
  readonly isUsageUnreadable: boolean
} & (
  | {
      readonly ok: true
      readonly result: unknown
      /** The size of the result as JSON in UTF-8. */
      readonly bytes: number
    }
  | { readonly ok: false; readonly failure: ModelFailure }
)

/**
 * Maps a successful answer to its result. If there is no result that can be kept, it returns the failure of the
 * request.
 */
export async function readResult(mappings: Pick<Mappings, 'response'>, answer: ModelSuccess): Promise<ReadResult> {
  try {
    const { result, usage, isUsageUnreadable } = await mappings.response(answer.answer)
    const bytes = Buffer.byteLength(JSON.stringify(result))
    if (bytes <= MAX_RESULT_BYTES) return { ok: true, result, bytes, usage, isUsageUnreadable }
    const failure = failureOf('result_too_large', 'the result is larger than 4 MB')
    return { ok: false, failure, usage, isUsageUnreadable }
  } catch (error) {
    if (!(error instanceof MappingError)) throw error
    return { ok: false, failure: noResult(answer, error.message), usage: error.usage, isUsageUnreadable: false }
  }
}

/** Builds the failure of a request whose answer has no result for the mapping. Usually the answer says why. */
const noResult = ({ answer, status, content_type }: ModelSuccess, why: string): ModelFailure => ({
  ...failureOf(
    'invalid_model_response',
    noResultSentence(isUnfinished(answer) ? why + UNFINISHED : why, { status, content_type }),
  ),
  status,
  detail: detailOfValue(answer),
})

const UNFINISHED = "; the model's answer has `done: false`, so it is not finished"

/** Returns whether an answer is one line of a stream that was cut off. The last line of such a stream has `done: true`. */
const isUnfinished = (answer: unknown): boolean => isObject(answer) && answer.done === false

const failureOf = (code: ModelFailure['code'], message: string): ModelFailure => ({
  ok: false,
  verdict: 'drop',
  code,
  message,
  reached: true,
})
