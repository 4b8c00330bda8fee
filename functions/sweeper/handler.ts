import { lambdaHandler } from '../core/platform/lambda-handler.ts'
import { readSettings } from '../core/platform/settings.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { Settings } from './settings.ts'
import { sweepAndReport } from './sweep-and-report.ts'

export const handler = lambdaHandler(compose(Env.parse(process.env), readSettings(Settings)), sweepAndReport)
