import * as z from 'zod'

export const Settings = z.strictObject({
  /** How long rows are kept after their request has ended, in milliseconds. */
  ledger_ms: z.int().positive(),
})
export type Settings = z.infer<typeof Settings>
