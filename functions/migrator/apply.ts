import type { TroubleState } from '../core/platform/trouble-state.ts'
import type { MigratorPorts } from './ports.ts'
import { retryUnlessRefused } from './retry-unless-refused.ts'

export type Answer = { Status: 'SUCCESS' } | { Status: 'FAILED'; Reason: string }
export const DONE: Answer = { Status: 'SUCCESS' }

const LASTS: { readonly trouble: TroubleState } = { trouble: 'lasts' }

/**
 * Applies the migrations and sets the roles. All of this may be repeated, after a crash or a lost answer at any point.
 */
export async function apply(ports: MigratorPorts): Promise<Answer> {
  try {
    await retryUnlessRefused(ports, () => applyOnce(ports))
    return DONE
  } catch (error) {
    ports.logger.error('the migrations failed', error as Error)
    return { Status: 'FAILED', Reason: `the migrations failed: ${(error as Error).message}` }
  }
}

async function applyOnce({ migrate, setRoles, logger }: MigratorPorts): Promise<void> {
  const applied = await migrate()
  logger.info('migrations applied', { applied })
  if (!(await setRoles()))
    logger.warn('no roles are set: the user of the database may create none, so everything runs as that user', LASTS)
}
