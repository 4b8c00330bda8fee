import * as z from 'zod'
import { QuotaSettings } from '../domain/quota-settings.ts'

export const Settings = z.strictObject({
  quotas: QuotaSettings,
  /** The first rule that holds decides. The last rule has no condition. `when` is JSONata over the request's fields. */
  routing: z.array(z.strictObject({ when: z.string().optional(), model: z.string() })).min(1),
  models: z.array(z.string()).min(1),
  /**
   * For each model, the JSONata over the request's fields that gives the tokens to reserve. A model without an entry
   * has the usual estimate.
   */
  estimates: z.record(z.string(), z.string()).optional(),
  /** The time after its admission at which a request that was not started expires. */
  expire_after_ms: z.int().positive(),
  /**
   * If a user has more open requests than this, their requests give way to those of other users. Absent if the queue
   * itself serves users fairly.
   */
  gives_way_above: z.int().positive().optional(),
})
export type Settings = z.infer<typeof Settings>
