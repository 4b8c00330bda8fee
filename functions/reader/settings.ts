import * as z from 'zod'
import { QuotaSettings } from '../requests/quota-settings.ts'
import { WaitLimits } from '../waiting/port.ts'

export const Settings = z.strictObject({ quotas: QuotaSettings, waiting: WaitLimits })
export type Settings = z.infer<typeof Settings>
