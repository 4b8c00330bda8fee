import * as z from 'zod'
import { QuotaSettings } from '../domain/quota-settings.ts'

export const Settings = z.strictObject({
  quotas: QuotaSettings,
  /**
   * The routing rules. The first rule whose condition `when` is true chooses the model. The last rule has no condition,
   * so one rule always applies. `when` is a JSONata expression over the request's fields.
   */
  routing: z.array(z.strictObject({ when: z.string().optional(), model: z.string() })).min(1),
  models: z.array(z.string()).min(1),
  /**
   * For each model, a JSONata expression over the request's fields. It gives the tokens that the request reserves. A
   * model without an entry has the usual estimate (`estimateTokens`).
   */
  estimates: z.record(z.string(), z.string()).optional(),
  /** If a request has not started within this time after its admission, it expires. Milliseconds. */
  expire_after_ms: z.int().positive(),
  /**
   * If a user has more open requests than this, the user's further requests wait behind the requests of other users.
   * Absent if the queue itself serves users fairly, as SQS does.
   */
  gives_way_above: z.int().positive().optional(),
})
export type Settings = z.infer<typeof Settings>
