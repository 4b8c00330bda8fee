import * as z from 'zod'

export const Settings = z.strictObject({
  /** The models that have a queue and a worker. */
  models: z.array(z.string()).min(1),
  /**
   * The queues whose numbers of waiting messages the sweeper publishes as a metric. `parts` are the queues among which
   * the messages of a queue are divided. All names are complete: with the prefix of the deployment, except the names of
   * inputs, which have no prefix. Absent with SQS, for which CloudWatch has these numbers.
   */
  watched: z
    .array(z.strictObject({ name: z.string(), parts: z.array(z.string()).min(1).readonly() }))
    .readonly()
    .optional(),
})
export type Settings = z.infer<typeof Settings>
