import * as z from 'zod'
import { QuotaSettings } from '../domain/quota-settings.ts'

export const Settings = z.strictObject({
  quotas: QuotaSettings,
  /** First match wins; the last has no condition. `when` is JSONata over the request's fields. */
  routing: z.array(z.strictObject({ when: z.string().optional(), model: z.string() })).min(1),
  models: z.array(z.string()).min(1),
  /** How long after its admission a request that was not started expires. */
  expire_after_ms: z.int().positive(),
  store_prompts: z.boolean(),
})
export type Settings = z.infer<typeof Settings>
