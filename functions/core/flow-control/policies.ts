import * as z from 'zod'
import { Priority } from '../domain/ids.ts'

/** The rate limit: all workers together make at most `count` calls in any `interval_ms`. */
export const RateLimit = z.strictObject({ count: z.int().positive(), interval_ms: z.int().positive() })
export type RateLimit = z.infer<typeof RateLimit>

/**
 * The circuit breaker: `failures` failed calls within `within_ms` open the circuit for `open_ms`. After each failed
 * probe, the circuit stays open for longer.
 */
export const Circuit = z.strictObject({
  failures: z.int().positive(),
  within_ms: z.int().positive(),
  open_ms: z.int().positive(),
})
export type Circuit = z.infer<typeof Circuit>

/** The rules that protect a model from calls. A rule that is absent defers no calls. */
export const Policies = z.strictObject({
  rate_limit: RateLimit.optional(),
  circuit: Circuit.optional(),
  /** The priorities of which the model takes one call at a time (`concurrency: 1`). */
  one_at_a_time: z.array(Priority).optional(),
})
export type Policies = z.infer<typeof Policies>
