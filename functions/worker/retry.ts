import * as z from 'zod'
import type { ModelFailure } from '../core/inference/port.ts'
import type { Random } from '../core/platform/random.ts'

/** What happens after a failed call. */
export const Retry = z.strictObject({
  /** Calls for one run of a request in all. */
  attempts: z.int().positive(),
  period_ms: z.int().positive(),
  max_backoff_ms: z.int().positive(),
  /** HTTP statuses. */
  backoff_on: z.array(z.int()),
  drop_on: z.array(z.int()),
})
export type Retry = z.infer<typeof Retry>

/**
 * Whether the same call may succeed another time: after the statuses that say so and other 5xx, a timeout, a connection
 * that failed. Not after other statuses, nor after an answer that can't be used.
 */
export function mayBeRetried({ status, code }: ModelFailure, { backoff_on, drop_on }: Retry): boolean {
  if (status === undefined) return code === 'model_timeout' || code === 'model_unreachable'
  return backoff_on.includes(status) || (status >= 500 && !drop_on.includes(status))
}

/** Whether the model has answered that it has no room for anybody now. */
export const isBusy = ({ status }: ModelFailure): boolean => status === 429 || status === 503

/**
 * How long to wait after the nth attempt, in milliseconds: at least `period`, at most `period` times 2 to the n and
 * `max_backoff`, anything between them being equally likely, so that what failed together does not come back together.
 */
export function backoff({ period_ms, max_backoff_ms }: Retry, attempt: number, random: Random): number {
  const most = Math.min(max_backoff_ms, period_ms * 2 ** attempt)
  return Math.round(period_ms + random() * (most - period_ms))
}

/** A model may ask to be left alone for so long; what it asks beyond that is found out by asking again. Milliseconds. */
const LONGEST_PAUSE_MS = 15 * 60_000

/** What the model asks to be left alone for, in milliseconds; 0 if it does not. */
export const pauseOf = ({ retry_after_ms = 0 }: ModelFailure): number => Math.min(retry_after_ms, LONGEST_PAUSE_MS)
