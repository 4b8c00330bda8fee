import * as z from 'zod'
import { readSecrets } from '../secrets-file.ts'
import { type Connection, SqlError } from './database.ts'
import { badRequest } from './errors.ts'

/** Gives a connection the role that a secret names. If the secret names no role, it rejects with an error of the Data API. */
export type ActAs = (connection: Connection, secretArn: string) => Promise<void>

/** Ignores the secret: statements have the rights of the user with which the database was opened. */
export const actAsOneUser: ActAs = async () => {}

const Credentials = z.object({ username: z.string().regex(/^[a-z_][a-z0-9_]*$/) })

const NO_SUCH_ROLE = '22023'
const NOT_ALLOWED = '42501'

/**
 * Runs statements with the rights of the role that their secret names, as on AWS. So tests find a missing grant. A secret that the
 * template has not created is that of the master user, whose statements run as the database's user. If the database's user may not create roles or
 * switch to them, all statements run as this user, and `note` gets one line that says so.
 */
export function rolesOfSecrets(dataFolder: string, note: (line: string) => void): ActAs {
  let hasNoRoles = false
  const known = new Map<string, string>()
  return async (connection, secretArn) => {
    const role = hasNoRoles ? undefined : (known.get(secretArn) ?? roleOf(dataFolder, secretArn))
    if (role !== undefined) known.set(secretArn, role)
    if (connection.role === role) return
    try {
      await connection.query(role === undefined ? 'RESET ROLE' : `SET ROLE ${role}`)
      connection.role = role
    } catch (error) {
      if (!(error instanceof SqlError && [NO_SUCH_ROLE, NOT_ALLOWED].includes(error.sqlState))) throw error
      hasNoRoles = true
      note(`the user of the database may not act as ${role}: all functions use the ledger with that user's rights`)
    }
  }
}

function roleOf(dataFolder: string, secretArn: string): string | undefined {
  const secret = readSecrets(dataFolder)[secretArn]
  if (secret === undefined) return undefined
  const credentials = Credentials.safeParse(JSON.parse(secret))
  if (!credentials.success) throw badRequest('The secret has no username that is a role of Postgres.')
  return credentials.data.username
}
