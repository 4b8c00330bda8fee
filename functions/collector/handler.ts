import { queueHandler } from '../core/queue/queue-handler.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { takeResults } from './take-results.ts'

export const handler = queueHandler(compose(Env.parse(process.env)), takeResults)
