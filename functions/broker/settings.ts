import * as z from 'zod'

export const Settings = z.strictObject({
  /**
   * For each queue that has a bulk queue, by its whole name: the longest time in milliseconds for which the queue's
   * worker takes no messages, because it calls the model.
   */
  longest_call_ms: z.record(z.string(), z.int().positive()),
})
export type Settings = z.infer<typeof Settings>
