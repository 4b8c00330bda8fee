import type { Logger } from '@aws-lambda-powertools/logger'
import type { Clock, Sleep } from '../core/platform/clock.ts'

/** The ports of the migrator. Both steps may be repeated, and throw the errors of AWS. */
export interface MigratorPorts {
  /** Applies the migrations that are missing. Returns their ids. */
  migrate(): Promise<number[]>
  /** Gives each role its password and its rights. Returns false if the user of the database may create no roles. */
  setRoles(): Promise<boolean>
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly clock: Clock
  readonly sleep: Sleep
}
