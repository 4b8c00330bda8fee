import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEDGER_ROLES, type LedgerRole, roleName } from '../../functions/core/stores/ledger/roles.ts'
import { startRdsData } from '../support/emulators.ts'
import { createOwnedDatabase } from '../support/postgres.ts'
import { writeRoleSecrets } from './ledger/tools.ts'
import { describeLedgerContract } from './ledger.ts'

const makeSecrets = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
  writeRoleSecrets(folder)
  return folder
}

describeLedgerContract('PGlite', async () => {
  const secrets = makeSecrets()
  const { client, close } = await startRdsData({ secrets })
  return {
    client,
    whenRolesAreSet: async () => {},
    close: async () => {
      await close()
      rmSync(secrets, { recursive: true })
    },
  }
})

const serverUrl = process.env.DATABASE_URL
if (serverUrl)
  describeLedgerContract('PostgreSQL', async () => {
    const secrets = makeSecrets()
    const roles = (Object.keys(LEDGER_ROLES) as LedgerRole[]).map(roleName)
    const { url, owner, asSuperuser, drop } = await createOwnedDatabase(serverUrl, roles)
    const { client, close } = await startRdsData({ url, secrets })
    return {
      client,
      // On AWS, functions log in as their roles. Here the owner logs in, and must be allowed to switch to these roles.
      whenRolesAreSet: () => asSuperuser(...roles.map(role => `GRANT ${role} TO ${owner}`)),
      close: async () => {
        await close()
        await drop()
        rmSync(secrets, { recursive: true })
      },
    }
  })
