import type { Limits } from './limits.ts'
import type { Problem } from './problems.ts'
import type { Rate } from './rate.ts'
import { cut } from './text.ts'
import type { QuotaWindow } from './window.ts'

/**
 * All codes of refused calls. Clients depend on them, so they never change. `docs/errors.md` explains for each code
 * what a client must do.
 */
export const ERROR_CODES = [
  'unauthorized',
  'forbidden',
  'invalid_request',
  'unknown_model',
  'priority_not_allowed',
  'model_not_allowed',
  'user_disabled',
  'unknown_user',
  'not_found',
  'method_not_allowed',
  'payload_too_large',
  'already_ended',
  'idempotency_mismatch',
  'quota_exceeded',
  'rate_exceeded',
  'model_failed',
  'request_ended',
  'result_expired',
  'still_running',
  'too_many_waits',
  'internal_error',
  'unavailable',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

/** All codes of failed requests: the codes of their `error`, and the reasons of their dead letters. */
export const FAILURE_CODES = [
  'mapping_failed',
  'unsupported_parameter',
  'model_error',
  'model_rejected',
  'model_timeout',
  'model_unreachable',
  'invalid_model_response',
  'result_too_large',
  'worker_crashed',
  'model_removed',
  'unavailable',
  'internal_error',
] as const
export type FailureCode = (typeof FAILURE_CODES)[number]

/** The state of the quota when it refused a request. */
export interface ExceededQuota {
  readonly exceeded: 'requests' | 'tokens' | 'in_flight'
  readonly limits: Limits
  /** The sum over all shards. */
  readonly used: { readonly requests: number; readonly tokens: number; readonly in_flight: number }
  /**
   * Whether all of `used` was read at one moment. False for a plan with several shards, because each shard is read by a
   * call of its own. Then no header names the remaining amounts.
   */
  readonly is_exact: boolean
  /** The tokens that the request asked for. */
  readonly estimate: number
  readonly window: QuotaWindow
  /** The time at which the request was made, in epoch milliseconds. */
  readonly at: number
}

/**
 * The details of an error for the client, besides its code and its sentence. Each API renders them in its own shape.
 */
export interface ErrorDetails {
  /** The problems of the call's input, each with the place of the wrong value. */
  readonly problems?: readonly Problem[]
  /** The time after which the same call may succeed, in seconds from now. */
  readonly retry_after_s?: number
  /** False if the same call can never succeed. */
  readonly should_retry?: false
  /** The rate that the call exceeds. */
  readonly rate?: Rate
  /** Whether the input has a field that is not supported. The OpenAI API has a code of its own for this case. */
  readonly is_unsupported?: boolean
  /**
   * Whether the request of the call may have been admitted in spite of the error. Then a repeated call without an
   * Idempotency-Key could be a second request, which is charged, too.
   */
  readonly may_be_admitted?: boolean
  /** The id of the request that the call is about. */
  readonly request_id?: string
  /**
   * The reason why the request of the call failed. If the model refused the request, `status` is the HTTP status of the
   * refusal.
   */
  readonly failed?: { readonly code: string; readonly status?: number | undefined }
  /** The HTTP methods that the path allows. */
  readonly allow?: readonly string[]
  readonly quota?: ExceededQuota
}

/** The most characters of an error's sentence, and the most problems in an error. */
const MAX_SENTENCE = 2_000
const MAX_PROBLEMS = 100

/**
 * The error of a refused call, with the sentence that its client reads. Each API turns the error into an answer in its
 * own shape. A sentence may contain names that the client has chosen, such as the name of a field with millions of
 * characters. So long sentences are cut, because an answer of more than 6 MB would fail.
 */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, sentence: string, details: ErrorDetails = {}, options?: { cause: unknown }) {
    super(cut(sentence, MAX_SENTENCE), options)
    this.code = code
    this.details = details.problems ? { ...details, problems: inShort(details.problems) } : details
  }
}

const inShort = (problems: readonly Problem[]): Problem[] =>
  problems
    .slice(0, MAX_PROBLEMS)
    .map(({ path, message }) => ({ path: cut(path, MAX_SENTENCE), message: cut(message, MAX_SENTENCE) }))

/**
 * The refusal of a message of an input queue. It has the form of an error answer of the inference API. The message's
 * idempotency key and dead letter keep the refusal in this form.
 */
export interface Refusal {
  readonly error: string
  readonly status: 'error'
  readonly code: string
  readonly [field: string]: unknown
}
