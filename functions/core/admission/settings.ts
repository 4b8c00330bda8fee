import * as z from 'zod'
import { QuotaSettings } from '../domain/quota-settings.ts'

export const Settings = z.strictObject({
  quotas: QuotaSettings,
  /** First match wins; the last has no condition. `when` is JSONata over the request's fields. */
  routing: z.array(z.strictObject({ when: z.string().optional(), model: z.string() })).min(1),
  models: z.array(z.string()).min(1),
  /** JSONata by model, over the request's fields: the tokens to reserve. A model without one has the usual estimate. */
  estimates: z.record(z.string(), z.string()).optional(),
  /** How long after its admission a request that was not started expires. */
  expire_after_ms: z.int().positive(),
  /** A request of a user who has more open requests than this gives way to those of others. Absent where the queue sees to that by itself. */
  gives_way_above: z.int().positive().optional(),
})
export type Settings = z.infer<typeof Settings>
