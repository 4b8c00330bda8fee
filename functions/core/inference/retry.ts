import * as z from 'zod'
import type { Random } from '../platform/random.ts'
import type { ModelFailure } from './port.ts'

/** The rules for failed calls. */
export const Retry = z.strictObject({
  /** The most calls for one run of a request. */
  attempts: z.int().positive(),
  period_ms: z.int().positive(),
  max_backoff_ms: z.int().positive(),
  /** HTTP statuses: after those in `backoff_on` a request is retried, and after those in `drop_on` it fails. */
  backoff_on: z.array(z.int()),
  drop_on: z.array(z.int()),
  /**
   * Conditions: JSONata expressions over `{ status, headers, body }` of any answer. They are tried in this order: halt,
   * drop, backoff. The first condition that is true decides.
   */
  halt_when: z.string().optional(),
  drop_when: z.string().optional(),
  backoff_when: z.string().optional(),
})
export type Retry = z.infer<typeof Retry>

/** Returns whether the model has answered that it has no room for any call now. */
export const isBusy = ({ status }: ModelFailure): boolean => status === 429 || status === 503

/** Returns whether the model says that it is loading, and will answer later. */
export const isLoading = ({ loading }: ModelFailure): boolean => loading === true

/**
 * Returns whether a failure says when the model accepts calls again: a 429 with a Retry-After, or the answer of a model
 * that is loading. Such a failure only pauses the calls. It does not show that the model is broken, so it does not
 * count for the circuit breaker.
 */
export const saysWhen = (failure: ModelFailure): boolean =>
  isLoading(failure) || (failure.status === 429 && (failure.retry_after_ms ?? 0) > 0)

/**
 * Returns the wait after the nth attempt, in milliseconds. The wait is random between `period` and a longest wait:
 * `period` times 2 to the n, but at most `max_backoff`. So requests that failed together are not all retried at the
 * same time.
 */
export function backoff({ period_ms, max_backoff_ms }: Retry, attempt: number, random: Random): number {
  const longest = Math.min(max_backoff_ms, period_ms * 2 ** attempt)
  return Math.round(period_ms + random() * (longest - period_ms))
}

/**
 * The longest pause of one request's retry, in milliseconds. If the model needs a longer pause, its answer to the next
 * call asks for it again.
 */
const MAX_PAUSE_MS = 15 * 60_000

/**
 * Returns the pause that the model asks for, in milliseconds, at most `MAX_PAUSE_MS`. Returns 0 if the model asks for
 * none.
 */
export const pauseOf = ({ retry_after_ms = 0 }: ModelFailure): number => Math.min(retry_after_ms, MAX_PAUSE_MS)
