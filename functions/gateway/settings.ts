import * as z from 'zod'
import { Settings as AdmissionSettings } from '../admission/settings.ts'
import { WaitLimits } from '../waiting/port.ts'

export const Settings = z.strictObject({ ...AdmissionSettings.shape, waiting: WaitLimits })
export type Settings = z.infer<typeof Settings>
