import * as z from 'zod'

export const Settings = z.strictObject({
  /**
   * For each queue that has a bulk queue, by its name on the broker: the longest time in milliseconds for which the
   * queue's worker takes no messages, because it calls the model. A bulk queue holds the messages of users with many
   * open requests. They are moved to the worker's queue at the latest when the worker has taken no messages for this
   * time.
   */
  longest_call_ms: z.record(z.string(), z.int().positive()),
  /** The names of the input queues. */
  inputs: z.array(z.string()),
})
export type Settings = z.infer<typeof Settings>
