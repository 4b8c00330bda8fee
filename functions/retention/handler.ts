import { lambdaHandler } from '../core/platform/lambda-handler.ts'
import { readSettings } from '../core/platform/settings.ts'
import { compose } from './compose.ts'
import { deleteOldRows } from './delete-old-rows.ts'
import { Env } from './env.ts'
import { Settings } from './settings.ts'

/**
 * The time that an invocation must have left before it deletes a further chunk of rows, in milliseconds. It is long,
 * because the database may have to resume first, and Lambda must not end the function during a statement.
 */
const CHUNK_MS = 130_000

const { ledger_ms } = readSettings(Settings)

export const handler = lambdaHandler(compose(Env.parse(process.env)), async (ports, _event, context) => {
  const deleted = await deleteOldRows(ports, ledger_ms, () => context.getRemainingTimeInMillis() > CHUNK_MS)
  ports.logger.info('old rows are deleted', { deleted })
})
