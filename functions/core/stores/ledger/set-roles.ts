import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import type { LedgerEnv } from '../../platform/env.ts'
import { locked, type Run } from './locked.ts'
import { LEDGER_ROLES, type LedgerRole, type RolePasswords, roleName } from './roles.ts'
import { scramVerifier } from './scram.ts'

const MAY_CREATE_ROLES = 'SELECT 1 FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole)'

/**
 * The statements that take all rights from other users of the database server: they can't reach the tables, and can't
 * make tables, not even temporary ones.
 */
const CLOSE_TO_OTHERS = [
  'REVOKE ALL ON SCHEMA public FROM PUBLIC',
  `DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$`,
]

/**
 * Gives each role its password and exactly its rights. A role without a password in `passwords` loses its login and all
 * rights, because this deployment does not have its function. A repetition changes nothing. All changes are in one
 * transaction, so that a function never finds its role without its rights. Returns false, and changes nothing, if the
 * migrator's database user may not create roles: then all functions must use that user. Throws the Data API's
 * exceptions.
 */
export async function setRoles(client: RDSDataClient, env: LedgerEnv, passwords: RolePasswords): Promise<boolean> {
  let areSet = false
  await locked(client, env, async run => {
    areSet = hasRows(await run(MAY_CREATE_ROLES))
    if (!areSet) return
    for (const statement of CLOSE_TO_OTHERS) await run(statement)
    for (const role of Object.keys(LEDGER_ROLES) as LedgerRole[]) await setRole(run, role, passwords[role])
  })
  return areSet
}

async function setRole(run: Run, role: LedgerRole, password: string | undefined): Promise<void> {
  const name = roleName(role)
  const isThere = hasRows(await run(`SELECT 1 FROM pg_roles WHERE rolname = '${name}'`))
  if (!isThere && password === undefined) return
  // A statement may appear in the server's log. So it contains the verifier, which does not reveal the password.
  const login = password === undefined ? 'NOLOGIN' : `LOGIN PASSWORD '${scramVerifier(password)}'`
  await run(`${isThere ? 'ALTER' : 'CREATE'} ROLE ${name} ${login}`)
  await run(`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${name}`)
  await run(`REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM ${name}`)
  await run(`REVOKE ALL ON SCHEMA public FROM ${name}`)
  if (password === undefined) return
  await run(`GRANT USAGE ON SCHEMA public TO ${name}`)
  for (const right of LEDGER_ROLES[role]) await run(`GRANT ${right} TO ${name}`)
}

const hasRows = ({ records = [] }: Awaited<ReturnType<Run>>): boolean => records.length > 0
