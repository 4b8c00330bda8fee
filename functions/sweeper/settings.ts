import * as z from 'zod'

export const Settings = z.strictObject({
  /** The models that have a queue and a worker. */
  models: z.array(z.string()).min(1),
  /**
   * The queues whose waiting messages the sweeper publishes, by their whole names, and the queues that share the
   * messages of each. Absent if the platform publishes these numbers itself.
   */
  watched: z
    .array(z.strictObject({ name: z.string(), parts: z.array(z.string()).min(1).readonly() }))
    .readonly()
    .optional(),
})
export type Settings = z.infer<typeof Settings>
