import * as z from 'zod'
import { Settings as AdmissionSettings } from '../core/admission/settings.ts'
import { WaitLimits } from '../core/stores/waits/port.ts'

export const Settings = z.strictObject({ ...AdmissionSettings.shape, waiting: WaitLimits })
export type Settings = z.infer<typeof Settings>
