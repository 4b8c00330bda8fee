import * as z from 'zod'
import { QuotaSettings } from '../core/domain/quota-settings.ts'
import { WaitLimits } from '../core/stores/waits/port.ts'

export const Settings = z.strictObject({
  quotas: QuotaSettings,
  waiting: WaitLimits,
  models: z.array(z.string()).min(1),
})
export type Settings = z.infer<typeof Settings>
