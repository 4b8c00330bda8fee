import * as z from 'zod'
import { Settings as AdmissionSettings } from '../core/admission/settings.ts'
import { AbilitiesByModel } from '../core/openai-api/abilities.ts'
import { WaitLimits } from '../core/stores/waits/port.ts'

export const Settings = z.strictObject({ ...AdmissionSettings.shape, waiting: WaitLimits, openai: AbilitiesByModel })
export type Settings = z.infer<typeof Settings>
