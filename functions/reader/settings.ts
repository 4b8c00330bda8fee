import * as z from 'zod'
import { QuotaSettings } from '../requests/quota-settings.ts'

export const Settings = z.strictObject({ quotas: QuotaSettings })
export type Settings = z.infer<typeof Settings>
