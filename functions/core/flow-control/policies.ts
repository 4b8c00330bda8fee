import * as z from 'zod'

/** At most `count` calls of the endpoint in any `interval_ms`, over all workers. */
export const RateLimit = z.strictObject({ count: z.int().positive(), interval_ms: z.int().positive() })
export type RateLimit = z.infer<typeof RateLimit>

/** `failures` failed calls within `within_ms` open the circuit for `open_ms`; for longer each time a probe fails. */
export const Circuit = z.strictObject({
  failures: z.int().positive(),
  within_ms: z.int().positive(),
  open_ms: z.int().positive(),
})
export type Circuit = z.infer<typeof Circuit>

/** How a model is protected; what is absent does not hold it up. */
export const Policies = z.strictObject({ rate_limit: RateLimit.optional(), circuit: Circuit.optional() })
export type Policies = z.infer<typeof Policies>
