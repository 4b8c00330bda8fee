import * as z from 'zod'
import { BaseEnv, LedgerEnv } from '../core/platform/env.ts'
import { LEDGER_ROLES, type LedgerRole } from '../core/stores/ledger/roles.ts'

const Role = z.enum(Object.keys(LEDGER_ROLES) as [LedgerRole, ...LedgerRole[]])

export const Env = z.object({
  ...BaseEnv.shape,
  ...LedgerEnv.shape,
  /** JSON with the ARN of each role's secret. The secret has the name and the password of the role. */
  LEDGER_ROLE_SECRETS: z.string(),
})
export type Env = z.infer<typeof Env>

export const RoleSecrets = z.partialRecord(Role, z.string())
export type RoleSecrets = z.infer<typeof RoleSecrets>
