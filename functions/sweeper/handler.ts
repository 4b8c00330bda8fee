import { lambdaHandler } from '../core/platform/lambda-handler.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { sweepAndReport } from './sweep-and-report.ts'

export const handler = lambdaHandler(compose(Env.parse(process.env)), sweepAndReport)
