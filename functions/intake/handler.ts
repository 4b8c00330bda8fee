import { Settings } from '../core/admission/settings.ts'
import { readSettings } from '../core/platform/settings.ts'
import { queueHandler } from '../core/queue/queue-handler.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { takeInputs } from './take-inputs.ts'

export const handler = queueHandler(compose(Env.parse(process.env), readSettings(Settings)), takeInputs)
