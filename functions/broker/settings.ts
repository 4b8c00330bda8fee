import * as z from 'zod'

export const Settings = z.strictObject({
  /** How long a worker may run without taking messages, in milliseconds, by the whole name of its queue. Only queues with a bulk queue are here. */
  longest_call_ms: z.record(z.string(), z.int().positive()),
})
export type Settings = z.infer<typeof Settings>
