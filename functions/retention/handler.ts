import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import type { Context } from 'aws-lambda'
import { readSettings } from '../core/platform/settings.ts'
import { stripErrorStack } from '../core/platform/strip-error-stack.ts'
import { compose } from './compose.ts'
import { deleteOldRows } from './delete-old-rows.ts'
import { Env } from './env.ts'
import { Settings } from './settings.ts'

const ports = compose(Env.parse(process.env))
const { ledger_ms } = readSettings(Settings)

/** A chunk begins only if the invocation has so many milliseconds left, because the database may have to resume first. */
const CHUNK_MS = 130_000

async function handle(_event: unknown, context: Context): Promise<void> {
  const deleted = await deleteOldRows(ports, ledger_ms, () => context.getRemainingTimeInMillis() > CHUNK_MS)
  ports.logger.info('old rows are deleted', { deleted })
}

export const handler = middy(handle).use(injectLambdaContext(ports.logger)).use(stripErrorStack(ports.logger))
