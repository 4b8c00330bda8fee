import * as z from 'zod'
import { LEDGER_ROLES, type LedgerRole } from '../ledger/roles.ts'
import { BaseEnv, LedgerEnv } from '../platform/env.ts'

const Role = z.enum(Object.keys(LEDGER_ROLES) as [LedgerRole, ...LedgerRole[]])

export const Env = z.object({
  ...BaseEnv.shape,
  ...LedgerEnv.shape,
  /** JSON: the ARN of each role's secret, which holds its name and password. */
  LEDGER_ROLE_SECRETS: z.string(),
})
export type Env = z.infer<typeof Env>

export const RoleSecrets = z.partialRecord(Role, z.string())
export type RoleSecrets = z.infer<typeof RoleSecrets>
