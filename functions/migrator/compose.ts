import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { LedgerEnv } from '../core/platform/env.ts'
import { migrate } from '../core/stores/ledger/migrate.ts'
import { setRoles } from '../core/stores/ledger/set-roles.ts'
import type { RoleSecrets } from './env.ts'
import { readPasswords } from './passwords.ts'
import type { MigratorPorts } from './ports.ts'

export interface Sources {
  readonly env: LedgerEnv
  readonly roleSecrets: RoleSecrets
  /**
   * A client that repeats no call by itself: a repeated `CREATE TABLE` of one transaction would find its own table, and
   * the deployment would fail.
   */
  readonly rdsData: RDSDataClient
  readonly secretsManager: SecretsManagerClient
}

export const compose = ({
  env,
  roleSecrets,
  rdsData,
  secretsManager,
}: Sources): Pick<MigratorPorts, 'migrate' | 'setRoles'> => ({
  migrate: () => migrate(rdsData, env),
  setRoles: async () => setRoles(rdsData, env, await readPasswords(secretsManager, roleSecrets)),
})
