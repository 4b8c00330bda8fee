import type { Logger } from '@aws-lambda-powertools/logger'
import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Clock, Sleep } from '../core/platform/clock.ts'
import { migrate } from '../core/stores/ledger/migrate.ts'
import { setRoles } from '../core/stores/ledger/set-roles.ts'
import type { Env, RoleSecrets } from './env.ts'
import { readPasswords } from './passwords.ts'
import { retryUnlessRefused } from './retry-unless-refused.ts'

/** What the migrator works with. */
export interface MigratorPorts {
  readonly env: Env
  readonly roleSecrets: RoleSecrets
  /** Repeats no call by itself: a repeated `CREATE TABLE` of one transaction would find its own table. */
  readonly rdsData: RDSDataClient
  readonly secretsManager: SecretsManagerClient
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly clock: Clock
  readonly sleep: Sleep
}

export type Answer = { Status: 'SUCCESS' } | { Status: 'FAILED'; Reason: string }
export const DONE: Answer = { Status: 'SUCCESS' }

/** Applies the migrations and sets the roles. All of it may be repeated, after a crash or a lost answer at any point. */
export async function apply(ports: MigratorPorts): Promise<Answer> {
  try {
    await retryUnlessRefused(ports, () => applyOnce(ports))
    return DONE
  } catch (error) {
    ports.logger.error('the migrations failed', error as Error)
    return { Status: 'FAILED', Reason: `the migrations failed: ${(error as Error).message}` }
  }
}

async function applyOnce({ env, roleSecrets, rdsData, secretsManager, logger }: MigratorPorts): Promise<void> {
  const applied = await migrate(rdsData, env)
  logger.info('migrations applied', { applied })
  const areSet = await setRoles(rdsData, env, await readPasswords(secretsManager, roleSecrets))
  if (!areSet)
    logger.warn('no roles are set: the user of the database may create none, so everything runs as that user')
}
