import * as z from 'zod'

export const Settings = z.strictObject({
  /** The models that have a queue and a worker. */
  models: z.array(z.string()).min(1),
})
export type Settings = z.infer<typeof Settings>
