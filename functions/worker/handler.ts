import { readSettings } from '../core/platform/settings.ts'
import { queueHandler } from '../core/queue/queue-handler.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { processMessages } from './process-messages.ts'
import { Settings } from './settings.ts'

export const handler = queueHandler(compose(Env.parse(process.env), readSettings(Settings)), processMessages)
