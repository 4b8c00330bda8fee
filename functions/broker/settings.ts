import * as z from 'zod'

export const Settings = z.strictObject({
  /**
   * The longest time that a worker runs without taking messages, in milliseconds, by the whole name of its queue. It
   * has only the queues with a bulk queue.
   */
  longest_call_ms: z.record(z.string(), z.int().positive()),
})
export type Settings = z.infer<typeof Settings>
