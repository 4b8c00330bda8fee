import { CLIENT_FLUSH_MS, lambdaHandler } from '../core/platform/lambda-handler.ts'
import { authorizeCall } from './authorize-call.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'

export const handler = lambdaHandler(compose(Env.parse(process.env)), authorizeCall, { flushMs: CLIENT_FLUSH_MS })
